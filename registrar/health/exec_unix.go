//go:build unix

package health

import (
	"os/exec"
	"syscall"
)

// killGroup gives a command a process group, which is killed in place of the command.
func killGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
