//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package etcdserver

import (
	"errors"
	"os"
	"syscall"
)

// tryLock locks a file for this process and for all that inherit it.
func tryLock(file *os.File) error {
	err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errLocked
	}
	return err
}
