//go:build unix

package etcdserver

import (
	"os"
	"os/exec"
	"syscall"
)

// isolate gives a process a group of its own, which the terminal's Ctrl-C doesn't reach, and the lock of the data folder.
func isolate(cmd *exec.Cmd, lock *os.File) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.ExtraFiles = []*os.File{lock}
}
