//go:build unix

package command_test

import (
	"bytes"
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/cmd/registrar/internal/command"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// shell returns a command whose output is w.
func shell(script string, w io.Writer) *command.Command {
	return &command.Command{Args: []string{"sh", "-c", script}, Stdout: w, Stderr: w, Grace: command.DefaultGrace}
}

func TestRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := shell(`cat; echo "$NAME"`, &out).Run(t.Context(), []byte("text\n"), []string{"NAME=value"}); err != nil {
		t.Fatal(err)
	}
	if want := "text\nvalue\n"; out.String() != want {
		t.Errorf("it wrote %q, want %q", out.String(), want)
	}
	if err := shell("exit 3", &out).Run(t.Context(), nil, nil); err == nil || err.Error() != "sh: exit status 3" {
		t.Errorf("the error is %v", err)
	}
	// More than a pipe holds, of which nothing is read.
	if err := shell("exit 0", &out).Run(t.Context(), make([]byte, 1<<20), nil); err != nil {
		t.Errorf("without reading its input: %v", err)
	}
}

// TestRunWithoutShell: arguments are passed on as they are, and no shell stands between the
// command and its signals (consul-template#1557).
func TestRunWithoutShell(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	c := &command.Command{Args: []string{"echo", "a  b", "$HOME;"}, Stdout: &out}
	if err := c.Run(t.Context(), nil, nil); err != nil || out.String() != "a  b $HOME;\n" {
		t.Errorf("it wrote %q, %v", out.String(), err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	if err := shell("", nil).Check(); err != nil {
		t.Error(err)
	}
	if err := (&command.Command{Args: []string{"no-such-program"}}).Check(); err == nil {
		t.Error("a program that isn't there is no error")
	}
}

// TestRunEndsTheGroup: what a command has started ends with it (consul-template#1666),
// also what is deaf to TERM. The pipe is closed once nobody has it any more.
func TestRunEndsTheGroup(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"child":           "sleep 300 & echo started; wait",
		"deaf child":      "(trap '' TERM; echo started; sleep 300; sleep 300) & wait",
		"deaf command":    "trap '' TERM; echo started; sleep 300; sleep 300",
		"obliging":        "trap 'exit 0' TERM; echo started; sleep 300 & wait",
		"ends in silence": "exec >&-; echo started >&2; sleep 300",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ended := make(chan struct{})
			c := shell(script, w)
			c.Grace = 300 * time.Millisecond
			go func() {
				defer close(ended)
				_ = c.Run(ctx, nil, nil) // whatever it makes of TERM
			}()
			line := make([]byte, len("started\n"))
			if _, err := io.ReadFull(r, line); err != nil {
				t.Fatal(err)
			}
			cancel()
			<-ended
			w.Close()
			if rest, err := io.ReadAll(r); err != nil || len(rest) > 0 {
				t.Errorf("after the end the pipe has %q, %v", rest, err)
			}
		})
	}
}

// TestRunLeavesBackground: what a command that ends well leaves running is its own affair.
func TestRunLeavesBackground(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	fifo, gate, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	c := &command.Command{Args: []string{"sh", "-c", "(cat <&2 >/dev/null; echo after) & exit 0"}, Stdout: w, Stderr: fifo, Grace: time.Minute}
	if err := c.Run(ctx, nil, nil); err != nil {
		t.Error(err)
	}
	cancel()
	fifo.Close()
	gate.Close() // what was left goes on now
	w.Close()
	if rest, _ := io.ReadAll(r); !strings.Contains(string(rest), "after") {
		t.Errorf("what was left wrote %q", rest)
	}
}
