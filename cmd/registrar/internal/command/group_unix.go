//go:build unix

package command

import (
	"os"
	"os/exec"
	"syscall"
)

// group gives a command a process group of its own: what it starts ends with it, and a
// Ctrl-C reaches it through this process alone.
func group(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error {
		err := syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		if err == syscall.ESRCH {
			return os.ErrProcessDone
		}
		return err
	}
}

// killGroup ends what is left of a command's group.
func killGroup(p *os.Process) { _ = syscall.Kill(-p.Pid, syscall.SIGKILL) }
