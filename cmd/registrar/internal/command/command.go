// Package command runs a command for what is newest, one run at a time.
package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"
)

// DefaultGrace is how long a command that is asked to end (TERM) has for that. It is shorter
// than the ten seconds that process managers give this process.
const DefaultGrace = 5 * time.Second

// Command is a program and its arguments. It is run without a shell, with the
// environment of this process and more.
type Command struct {
	Args           []string
	Stdout, Stderr io.Writer
	// Grace is how long it has to end.
	Grace time.Duration
}

// Check reports whether the program is there.
func (c *Command) Check() error {
	_, err := exec.LookPath(c.Args[0])
	return err
}

// Run runs the command with text on its standard input, and further variables, until it
// ends. When ctx is done, the command and what it has started get TERM, and after Grace
// KILL. The error says how it failed; it is nil if the exit code is 0.
func (c *Command) Run(ctx context.Context, stdin []byte, env []string) error {
	cmd := exec.CommandContext(ctx, c.Args[0], c.Args[1:]...) //nolint:gosec // the user's own command
	cmd.Stdin = bytes.NewReader(stdin)
	cmd.Stdout, cmd.Stderr = c.Stdout, c.Stderr
	cmd.Env = append(os.Environ(), env...)
	cmd.WaitDelay = c.Grace
	group(cmd)
	err := cmd.Run()
	if ctx.Err() != nil && cmd.Process != nil {
		killGroup(cmd.Process)
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		return nil // it has ended, and left something behind that has its standard input
	}
	if err != nil {
		return fmt.Errorf("%s: %w", c.Args[0], err)
	}
	return nil
}
