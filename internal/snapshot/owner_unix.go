//go:build unix

package snapshot

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// checkOwner says why a file is not to be trusted: whoever can write it decides
// what is answered while etcd is away.
func checkOwner(info fs.FileInfo) error {
	if info.Mode().Perm()&0o022 != 0 {
		return fmt.Errorf("its mode is %v, so users other than its owner can write to it: remove it, or run chmod 600 on it", info.Mode())
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if self := os.Geteuid(); ok && stat.Uid != 0 && int64(stat.Uid) != int64(self) {
		return fmt.Errorf("it belongs to user %d, and this process runs as user %d: remove it, or chown it", stat.Uid, self)
	}
	return nil
}
