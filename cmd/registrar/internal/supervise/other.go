//go:build !unix

package supervise

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// change is what has become of a command.
type change struct {
	ended bool
	code  int
}

// process is never started: process groups are Unix's.
type process struct{ changes chan change }

func start(string, []string, []string) (*process, error) {
	return nil, fmt.Errorf("running a command is %w on this system", errors.ErrUnsupported)
}

// Init is never called: there are no containers whose first process this could be.
func Init(path string, args, env []string, _ <-chan os.Signal) (int, error) {
	_, err := start(path, args, env)
	return 0, err
}

func (p *process) signal(syscall.Signal)  {}
func (p *process) forward(syscall.Signal) {}
func (p *process) groupExists() bool      { return false }
func (p *process) stopped()               {}
func (p *process) restoreTerminal()       {}

// Signals asks for the signals that end a process.
func Signals() (received <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, os.Interrupt)
	return c, func() { signal.Stop(c) }
}
