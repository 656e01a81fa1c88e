package etcdserver

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
	"go.etcd.io/etcd/client/pkg/v3/fileutil"
)

// lockTimeout bounds the wait for another process to let go of the data folder: time for a predecessor that is
// stopping, and short enough for a person who waits.
const lockTimeout = 2 * time.Second

// prepareDataDir creates the data folder, or finds out why etcd can't use the one that is there. etcd itself would hang,
// end the process or panic, depending on the fault.
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
		return fmt.Errorf("data folder %q is not a folder: name another path", dir)
	case info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows": // Windows has no such modes
		return fmt.Errorf("data folder %q has mode %04o, so that others could read or change the registry; run: chmod 700 '%s'",
			dir, info.Mode().Perm(), dir)
	}
	if _, err := os.ReadDir(dir); err != nil {
		return fmt.Errorf("read the data folder %q: %w: it must belong to the user that runs CoreDNS", dir, err)
	}
	if err := fileutil.IsDirWriteable(dir); err != nil {
		return fmt.Errorf("write to the data folder %q: %w: it must belong to the user that runs CoreDNS", dir, err)
	}
	return probeDatabase(filepath.Join(memberDir(dir), "snap", "db"))
}

// memberDir is where etcd keeps a member, with all of its data.
func memberDir(dir string) string { return filepath.Join(dir, "member") }

// isFresh reports whether no etcd has used a data folder yet.
func isFresh(dir string) bool {
	_, err := os.Stat(memberDir(dir))
	return errors.Is(err, fs.ErrNotExist)
}

// removeMember makes a data folder fresh again whose first etcd has ended before
// it could serve: its log can lack that it is the only member, and the next one
// would wait for others for ever.
func removeMember(dir string) error {
	if err := os.RemoveAll(memberDir(dir)); err != nil {
		return fmt.Errorf("clear the data folder of an etcd that has never served: %w", err)
	}
	return nil
}

// probeDatabase opens and closes etcd's database, if there is one: etcd would wait for its lock without end, and would
// panic on a damaged one.
func probeDatabase(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && info.Size() == 0) {
		return nil // none yet, or one that was never written
	}
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	db, err := bbolt.Open(path, fileutil.PrivateFileMode, &bbolt.Options{ReadOnly: true, Timeout: lockTimeout})
	if errors.Is(err, bbolterrors.ErrTimeout) {
		return fmt.Errorf("database %q is locked: another process uses this data folder, perhaps an etcd or another CoreDNS: "+
			"stop it, or name another folder", path)
	}
	if err != nil {
		return fmt.Errorf("database %q is damaged or not etcd's: %w: restore the data folder from a backup, "+
			"or move it away to start empty", path, err)
	}
	return db.Close()
}
