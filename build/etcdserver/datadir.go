package etcdserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"

	"go.etcd.io/etcd/client/pkg/v3/fileutil"
)

// prepareDataDir creates the data folder, or finds out why the one that is there is none, or is open to others.
func prepareDataDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.MkdirAll(dir, fileutil.PrivateDirMode); err != nil {
			return fmt.Errorf("create the data folder %q: %w", dir, err)
		}
	case err != nil:
		return fmt.Errorf("data folder %q: %w", dir, err)
	case !info.IsDir():
		return fmt.Errorf("data folder %q is not a folder: choose another path", dir)
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows": // Windows has no such modes
		return fmt.Errorf("data folder %q has mode %04o, so others can read or change the registry; run: chmod 700 '%s'",
			dir, info.Mode().Perm(), dir)
	}
	return nil
}
