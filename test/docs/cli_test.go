package docs_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rosterdns/roster/test/harness"
)

var update = flag.Bool("update", false, "write what the commands of docs/cli.md print into it")

// terminalWidth is that of a terminal as it opens.
const terminalWidth = 80

// captures are the blocks of docs/cli.md that are run: commands behind "$ ", each with
// what it prints.
var captures = regexp.MustCompile("(?s)(<!-- test:cli -->\n```console\n)(.*?)(```\n)")

// TestCLI runs the captures of docs/cli.md in order, on a registry of their own, and
// compares what they print. With the flag -update it writes that into the document.
func TestCLI(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	s := &session{dir: t.TempDir(), env: append(os.Environ(),
		"PATH="+filepath.Dir(harness.Binary(t, "registrar"))+string(os.PathListSeparator)+os.Getenv("PATH"),
		"REGISTRAR_ENDPOINTS="+e.Endpoints[0])}
	if err := os.CopyFS(filepath.Join(s.dir, "examples"), os.DirFS(filepath.Join(harness.SourceRoot(), "examples"))); err != nil {
		t.Fatal(err)
	}
	blocks := 0
	text := document(t, "cli.md")
	ran := captures.ReplaceAllStringFunc(text, func(block string) string {
		blocks++
		parts := captures.FindStringSubmatch(block)
		return parts[1] + s.run(t, commandsOf(parts[2])) + parts[3]
	})
	if blocks == 0 {
		t.Fatal("docs/cli.md has no captures")
	}
	compareCaptures(t, "cli.md", text, ran)
}

// TestCLIFitsATerminal: what the document shows, and so what the commands print. Messages
// can be longer: a terminal wraps them.
func TestCLIFitsATerminal(t *testing.T) {
	t.Parallel()
	shown := regexp.MustCompile("(?s)```console\n(.*?)```\n")
	for _, block := range shown.FindAllStringSubmatch(document(t, "cli.md"), -1) {
		for line := range strings.SplitSeq(block[1], "\n") {
			if utf8.RuneCountInString(line) > terminalWidth && !strings.HasPrefix(line, "registrar: ") {
				t.Errorf("a line is longer than %d characters: %s", terminalWidth, line)
			}
		}
	}
}
