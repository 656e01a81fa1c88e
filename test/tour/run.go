package tour

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

// stepTimeout bounds one step, which can compile a program.
const stepTimeout = 3 * time.Minute

// Options say in which surroundings a tour runs.
type Options struct {
	// Dir is the folder in which everything runs.
	Dir string
	// Env is added to the environment.
	Env []string
	// Replace changes the steps, such as ports that have to be free; nil changes
	// nothing.
	Replace *strings.Replacer
	// Dig asks the tour's server for the records of a name, as dig +short does. The
	// tour goes on when the server answers, and when it shows what is registered:
	// a reader is slower than both.
	Dig func(t testing.TB, name, qtype string) (string, error)
	// Wrap runs the command after it, in other surroundings; it can be empty.
	Wrap []string
}

// Run carries out the steps, and ends the test at the first that goes wrong.
func Run(t testing.TB, steps []Step, o Options) {
	t.Helper()
	if o.Replace == nil {
		o.Replace = strings.NewReplacer()
	}
	shell := startShell(t, o)
	var servers []*harness.Process
	for i, s := range steps {
		text := o.Replace.Replace(s.Text)
		if s.Kind == Server {
			servers = append(servers, startServer(t, o, text, s.Line))
			continue
		}
		if s.Kind == Program {
			text = writeProgram(t, o.Dir, fmt.Sprintf("program%d", i), text)
		}
		out := shell.run(t, s, text)
		for _, name := range s.Shown {
			harness.Eventually(t, harness.Patience, name+" in DNS", func() error {
				out, err := o.Dig(t, name, "A")
				return errors.Join(err, harness.True(out != ""))
			})
		}
		if s.Check == nil {
			continue
		}
		if err := s.Check(singleSpaced(out)); err != nil {
			t.Errorf("the step on line %d: %v", s.Line, err)
		}
	}
	shell.end()
	for _, p := range slices.Backward(servers) {
		if code := p.Stop(t); code != 0 {
			t.Errorf("%s: exit code %d after TERM, want 0", p, code)
		}
	}
}

func startServer(t testing.TB, o Options, text string, line int) *harness.Process {
	t.Helper()
	command := strings.TrimSpace(text)
	if strings.Contains(command, "\n") {
		t.Fatalf("line %d: a server is one line, so that TERM ends it", line)
	}
	p := harness.Start(t, harness.Command{
		Name: command, Path: "bash", Args: []string{"-ec", "exec " + command}, Dir: o.Dir, Env: o.Env, Wrap: o.Wrap,
	})
	harness.Eventually(t, harness.Patience, "the server's first answer", func() error {
		_, err := o.Dig(t, "svc.internal", "SOA")
		return err
	})
	return p
}

// writeProgram writes a program into a folder of its own, and returns the command
// that runs it.
func writeProgram(t testing.TB, dir, name, text string) string {
	t.Helper()
	err := os.Mkdir(filepath.Join(dir, name), 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name, "main.go"), []byte(text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return "go run ./" + name
}

func singleSpaced(s string) string {
	var out strings.Builder
	for line := range strings.Lines(s) {
		out.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
	}
	return out.String()
}
