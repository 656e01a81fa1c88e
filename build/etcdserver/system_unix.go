//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package etcdserver

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// isolate gives a process a group of its own, which the terminal's Ctrl-C doesn't reach, and the lock of the data folder.
func isolate(cmd *exec.Cmd, lock *os.File) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.ExtraFiles = []*os.File{lock}
}

// tryLock locks a file for this process and for all that inherit it, unless another process has locked it.
func tryLock(file *os.File) (locked bool, err error) {
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
