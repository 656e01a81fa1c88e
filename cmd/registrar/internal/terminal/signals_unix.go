//go:build unix

package terminal

import (
	"os"
	"os/signal"
	"syscall"
)

// Signals yields what the terminal tells of itself, for Handle, until stop is called.
func (s *Screen) Signals() (received <-chan os.Signal, stop func()) {
	signals := make(chan os.Signal, 1) // one is enough to look at the size again
	signal.Notify(signals, syscall.SIGWINCH, syscall.SIGTSTP)
	return signals, func() { signal.Stop(signals) }
}

// Handle does what a signal asks for. With Ctrl-Z the terminal is the shell's until the
// process is continued. After each signal the screen is to be drawn again.
func (s *Screen) Handle(received os.Signal) error {
	if received != syscall.SIGTSTP {
		return nil
	}
	if err := s.Leave(); err != nil {
		return err
	}
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGSTOP); err != nil {
		return err
	}
	return s.Enter()
}
