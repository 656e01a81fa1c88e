//go:build unix

package supervise

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// stopped does what a shell expects of a job whose command was stopped, as by Ctrl-Z: the
// whole job stops. The signal that continues it is passed on to the command. Where there
// is nobody who would continue it, the command goes on, as the kernel has it for commands
// that a terminal stops. Without a terminal nobody expects that.
func (p *process) stopped() {
	switch {
	case !p.terminal.exists:
	case orphaned():
		p.forward(syscall.SIGCONT)
	default:
		p.terminal.take(p.pid)
		_ = unix.Kill(0, unix.SIGSTOP) // never refused
	}
}

// orphaned reports whether this process has no parent in its session, such as a shell.
func orphaned() bool {
	parent, err := unix.Getsid(unix.Getppid())
	own, _ := unix.Getsid(0) // never refused
	return err != nil || parent != own
}

// restoreTerminal gives the terminal back to this process, and so to who has started it.
func (p *process) restoreTerminal() { p.terminal.take(p.pid) }
