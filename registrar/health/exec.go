package health

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

const (
	// maxOutput bounds what is remembered of a command's output: a line or two for the
	// message.
	maxOutput = 1 << 10
	// outputDelay is how long processes that a command has left behind can hold its output
	// open.
	outputDelay = time.Second
)

// Exec is a Probe by a command, of which exit code 0 is a success. If it takes too long its
// process group is killed (on Unix; elsewhere the command). The end of a failure's output
// is part of the error.
type Exec struct {
	// Command is the program and its arguments.
	Command []string
	// Env is its environment; nil means that of this process.
	Env []string
}

// Probe implements Probe.
func (e *Exec) Probe(ctx context.Context) error {
	if len(e.Command) == 0 {
		return errors.New("the check has no command")
	}
	cmd := exec.CommandContext(ctx, e.Command[0], e.Command[1:]...) //nolint:gosec // the caller's command
	var out tail
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.WaitDelay = e.Env, &out, &out, outputDelay
	killGroup(cmd)
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		err = ctx.Err() // not the signal that killed it for that
	case errors.Is(err, exec.ErrWaitDelay):
		err = nil // exit code 0, whatever it has left behind
	}
	switch text := strings.TrimSpace(string(out.last)); {
	case err == nil:
		return nil
	case text != "":
		return fmt.Errorf("%q: %w: %q", e.Command[0], err, text)
	default:
		return fmt.Errorf("%q: %w", e.Command[0], err)
	}
}

// tail remembers the end of what is written.
type tail struct{ last []byte }

func (t *tail) Write(p []byte) (int, error) {
	n := len(p)
	if n > maxOutput {
		p = p[n-maxOutput:]
	}
	t.last = append(t.last, p...)
	if over := len(t.last) - maxOutput; over > 0 {
		t.last = append(t.last[:0], t.last[over:]...)
	}
	return n, nil
}
