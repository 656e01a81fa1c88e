package tour

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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
		s.Text = o.Replace.Replace(s.Text)
		switch s.Kind {
		case Server:
			servers = append(servers, startServer(t, o, s.Text, s.Line))
		case Program:
			runProgram(t, o, shell, fmt.Sprintf("program%d", i), s)
		case Shell:
			o.done(t, s, shell.run(t, s))
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

// done waits until DNS shows what a step says, and checks what it printed.
func (o *Options) done(t testing.TB, s Step, out string) {
	t.Helper()
	for _, name := range s.Shown {
		harness.Eventually(t, harness.Patience, name+" in DNS", o.knows(t, name, true))
	}
	if s.Check == nil {
		return
	}
	if err := s.Check(singleSpaced(out)); err != nil {
		t.Errorf("the step on line %d: %v", s.Line, err)
	}
}

// knows is a condition: DNS has an address for a name, or has none.
func (o *Options) knows(t testing.TB, name string, want bool) func() error {
	t.Helper()
	return func() error {
		out, err := o.Dig(t, name, "A")
		return errors.Join(err, harness.True((out != "") == want))
	}
}

// goneBound is how long an instance may stay in DNS after TERM to its program.
const goneBound = time.Second

// runProgram builds a program, runs it until it has done what the step says, and
// ends it by TERM. It is not `go run`, which TERM would end in place of the
// program.
func runProgram(t testing.TB, o Options, shell *shell, name string, s Step) {
	t.Helper()
	dir := filepath.Join(o.Dir, name)
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "main.go"), []byte(s.Text), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(dir, "program")
	shell.run(t, Step{Text: fmt.Sprintf("go build -o %s ./%s", binary, name), Line: s.Line})
	p := harness.Start(t, harness.Command{Name: name, Path: binary, Dir: o.Dir, Env: o.Env, Wrap: o.Wrap})
	for _, text := range s.Until {
		p.WaitOutput(t, harness.Patience, text, 1)
	}
	o.done(t, s, p.Stdout())
	p.Signal(t, syscall.SIGTERM)
	for _, name := range s.Gone {
		harness.Eventually(t, goneBound, name+" gone from DNS", o.knows(t, name, false))
	}
	if code := p.Wait(t, harness.Patience); code != 0 {
		t.Errorf("the program on line %d: exit code %d after TERM, want 0", s.Line, code)
	}
}

func singleSpaced(s string) string {
	var out strings.Builder
	for line := range strings.Lines(s) {
		out.WriteString(strings.Join(strings.Fields(line), " ") + "\n")
	}
	return out.String()
}
