package docs_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// compareCaptures compares a document of the folder docs with what it becomes when its
// captures are run. With the flag -update it writes that into the document.
func compareCaptures(t *testing.T, name, text, ran string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(filepath.Join(harness.SourceRoot(), "docs", name), []byte(ran), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	before, after := strings.Split(varying(text), "\n"), strings.Split(varying(ran), "\n")
	for i := range min(len(before), len(after)) {
		if before[i] != after[i] {
			t.Fatalf("line %d of docs/%s is\n%s\nbut the command prints\n%s\nIf that is right: go test ./docs -run %s -update", i+1, name, before[i], after[i], t.Name())
		}
	}
	if len(before) != len(after) {
		t.Fatalf("a command prints more or fewer lines at the end of docs/%s", name)
	}
}

// varying replaces what differs between one run and the next.
func varying(text string) string {
	for _, v := range differences {
		text = v.found.ReplaceAllString(text, v.shown)
	}
	return text
}

// commandsOf returns the commands of a capture; one goes on on the next line behind "\".
func commandsOf(block string) (commands []string) {
	goesOn := false
	for line := range strings.Lines(block) {
		command, begins := strings.CutPrefix(line, "$ ")
		switch {
		case begins:
			commands = append(commands, command)
		case goesOn:
			commands[len(commands)-1] += line
		}
		goesOn = (begins || goesOn) && strings.HasSuffix(line, "\\\n")
	}
	return commands
}

// session runs captures.
type session struct {
	dir string
	env []string
}

// run runs commands in one bash, and returns them as a terminal would show them.
func (s *session) run(t *testing.T, commands []string) string {
	t.Helper()
	const end = "--- end of command ---"
	var script strings.Builder
	script.WriteString("trap 'kill $(jobs -p) 2>/dev/null' EXIT\n")
	for _, command := range commands {
		fmt.Fprintf(&script, "{ %s} 2>&1\nstatus=$?; echo '%s'; (exit $status)\n", command, end)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	cmd.Dir, cmd.Env = s.dir, s.env
	out, _ := cmd.CombinedOutput() // the last command can have failed on purpose
	outputs := strings.Split(string(out), end+"\n")
	if len(outputs) != len(commands)+1 {
		t.Fatalf("%q ended too soon: %s", commands, out)
	}
	var shown strings.Builder
	for i, command := range commands {
		shown.WriteString("$ " + command + outputs[i])
	}
	return shown.String()
}
