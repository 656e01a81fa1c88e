//go:build unix

package supervise

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// change is what has become of a command.
type change struct {
	ended bool // else it was stopped
	code  int  // the exit code, where it has ended
}

// process is a command that was started, in a process group of its own.
type process struct {
	pid      int // and that of the group
	terminal *terminal
	changes  chan change
}

// newProcess returns a command that is ready to be started with the standard streams of
// this process.
func newProcess(path string, args, env []string) (*process, *exec.Cmd) {
	p := &process{terminal: openTerminal(), changes: make(chan change, 1)}
	cmd := &exec.Cmd{
		Path: path, Args: args, Env: env, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	if p.terminal.foreground() {
		cmd.SysProcAttr.Foreground, cmd.SysProcAttr.Ctty = true, p.terminal.fd
	}
	return p, cmd
}

// started notes that the command was started.
func (p *process) started(cmd *exec.Cmd) {
	p.pid = cmd.Process.Pid
	_ = cmd.Process.Release() // it is waited for by its number
	p.terminal.ignoreOutputStops()
}

// start starts a command whose changes are reported.
func start(path string, args, env []string) (*process, error) {
	p, cmd := newProcess(path, args, env)
	endWithParent(cmd.SysProcAttr)
	started := make(chan error)
	go func() {
		// What endWithParent asks for goes by the thread that starts the command.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		p.started(cmd)
		close(started)
		p.wait()
	}()
	return p, <-started
}

// wait reports what becomes of the command until it has ended. It asks for this one
// process alone, and so takes nothing from others that wait for theirs.
func (p *process) wait() {
	for {
		var status unix.WaitStatus
		_, err := unix.Wait4(p.pid, &status, unix.WUNTRACED, nil)
		switch {
		case err == unix.EINTR:
		case err != nil:
			p.changes <- change{ended: true, code: codeUnknown}
			return
		case status.Stopped():
			p.changes <- change{}
		default:
			p.changes <- change{ended: true, code: exitCode(status)}
			return
		}
	}
}

// exitCode returns that of a process that has ended, as shells have it.
func exitCode(status unix.WaitStatus) int {
	if status.Signaled() {
		return codeSignal + int(status.Signal())
	}
	return status.ExitStatus()
}

// signal sends a signal to the process group that is to end by it, also where it is
// stopped.
func (p *process) signal(s syscall.Signal) {
	p.forward(s)
	p.forward(syscall.SIGCONT)
}

// forward sends a signal to the process group.
func (p *process) forward(s syscall.Signal) {
	if s == syscall.SIGCONT {
		p.terminal.give(p.pid)
	}
	_ = syscall.Kill(-p.pid, s) // nobody is left in it: what was meant is so
}

// groupExists reports whether the process group has a process, also one that has ended
// and that its parent has not waited for.
func (p *process) groupExists() bool { return syscall.Kill(-p.pid, 0) != syscall.ESRCH }
