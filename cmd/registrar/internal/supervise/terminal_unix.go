//go:build unix

package supervise

import (
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// terminal is the one on standard input, if there is one. The process group of the
// command has to be its foreground group to read from it; a shell's job control
// gives it to ours.
type terminal struct {
	fd     int
	exists bool
	group  int // ours
}

func openTerminal() *terminal {
	t := &terminal{fd: syscall.Stdin, group: unix.Getpgrp()}
	_, err := t.owner()
	t.exists = err == nil
	return t
}

// owner returns the foreground process group. It is an error where standard input is no
// terminal, or not the one of this session.
func (t *terminal) owner() (int, error) { return unix.IoctlGetInt(t.fd, unix.TIOCGPGRP) }

// foreground reports whether our process group is the foreground group.
func (t *terminal) foreground() bool {
	owner, err := t.owner()
	return err == nil && owner == t.group
}

// give makes another process group the foreground group, if it is ours now.
func (t *terminal) give(group int) {
	if t.exists && t.foreground() {
		_ = unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, group) // the terminal is gone: there is nothing to give
	}
}

// take makes our process group the foreground group, if another one is now.
func (t *terminal) take(from int) {
	if owner, err := t.owner(); t.exists && err == nil && owner == from {
		_ = unix.IoctlSetPointerInt(t.fd, unix.TIOCSPGRP, t.group) // as in give
	}
}

// ignoreOutputStops has the terminal not stop this process when it takes the terminal
// back, or writes to it. It is called after the command was started, which would ignore
// the signal too.
func (t *terminal) ignoreOutputStops() {
	if t.exists {
		signal.Ignore(syscall.SIGTTOU)
	}
}
