//go:build unix

package render

import (
	"io/fs"
	"os"
	"syscall"
)

// keepOwner gives a file the owner and group that another one has.
func keepOwner(f *os.File, info fs.FileInfo) error {
	had, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	now, err := f.Stat()
	if err != nil {
		return err
	}
	if has, ok := now.Sys().(*syscall.Stat_t); ok && has.Uid == had.Uid && has.Gid == had.Gid {
		return nil
	}
	return f.Chown(int(had.Uid), int(had.Gid))
}
