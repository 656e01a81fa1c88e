package tour

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// shell is one shell that runs all steps, and ends with the first command that
// fails. It is bash, as most readers' is: sh needs not know jobs as bash does.
type shell struct {
	process *harness.Process
	stdin   *os.File // the end that the test writes
	steps   int
	read    int // of its standard output
}

func startShell(t testing.TB, o Options) *shell {
	t.Helper()
	// A file rather than a reader: copying from a reader would outlive the shell.
	in, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	s := &shell{stdin: out}
	s.process = harness.Start(t, harness.Command{
		Name: "the shell of the tour", Path: "bash", Args: []string{"-es"}, Dir: o.Dir, Env: o.Env, Wrap: o.Wrap, Stdin: in,
	})
	t.Cleanup(s.end) // before the shell is killed
	_, _ = io.WriteString(s.stdin, "trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT\n")
	return s
}

// end lets the shell end, and with it what it runs in the background.
func (s *shell) end() {
	if s.stdin.Close() == nil {
		<-s.process.Done()
	}
}

// run runs a step and returns its standard output.
func (s *shell) run(t testing.TB, step Step) string {
	t.Helper()
	t.Logf("line %d:\n%s", step.Line, step.Text)
	s.steps++
	end := fmt.Sprintf("--- end of step %d ---", s.steps)
	if _, err := io.WriteString(s.stdin, step.Text+"\nprintf '%s\\n' '"+end+"'\n"); err != nil {
		t.Fatalf("line %d: %v", step.Line, err)
	}
	s.process.WaitOutput(t, stepTimeout, end+"\n", 1) // ends the test if the step fails
	out, _, _ := strings.Cut(s.process.Stdout()[s.read:], end+"\n")
	s.read += len(out) + len(end) + 1
	for _, text := range step.Until {
		s.process.WaitOutput(t, harness.Patience, text, 1)
	}
	return out
}
