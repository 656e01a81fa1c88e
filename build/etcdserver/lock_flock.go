//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package etcdserver

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks a file for this process and for all that inherit it, unless another process has locked it.
func tryLock(file *os.File) (locked bool, err error) {
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
