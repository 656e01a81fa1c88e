//go:build unix

package supervise

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Init does the work of process 1 of a container: it runs a command, passes on signals, and
// waits for every process that loses its parent, which nobody else does. It returns the
// exit code of the command. That is why it is a process of its own, and starts no other
// one: the one that runs checks and waits for them would lose them to such a wait.
func Init(path string, args, env []string, signals <-chan os.Signal) (code int, err error) {
	p, cmd := newProcess(path, args, env)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	p.started(cmd)
	ended := make(chan int)
	go func() { ended <- p.reap() }()
	for {
		select {
		case code := <-ended:
			p.restoreTerminal()
			return code, nil
		case s := <-signals:
			if number, ok := s.(syscall.Signal); ok && number != syscall.SIGPIPE {
				p.forward(number)
			}
		}
	}
}

// reap waits for all children until the command has ended, and returns its exit code.
func (p *process) reap() int {
	for {
		var status unix.WaitStatus
		pid, err := unix.Wait4(-1, &status, unix.WUNTRACED, nil)
		switch {
		case err == unix.ECHILD:
			return codeUnknown
		case err == unix.EINTR || pid != p.pid:
		case status.Stopped():
			p.forward(syscall.SIGCONT) // there is no shell to do it
		default:
			return exitCode(status)
		}
	}
}
