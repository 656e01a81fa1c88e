package member

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
	bbolterrors "go.etcd.io/bbolt/errors"
	"go.etcd.io/etcd/client/pkg/v3/fileutil"
)

// probeTimeout bounds the wait for a plain etcd to let go of the database. It knows nothing of coredns's own lock.
const probeTimeout = 2 * time.Second

// memberDir is where etcd keeps a member, with all of its data.
func memberDir(dir string) string { return filepath.Join(dir, "member") }

// probeDatabase opens and closes etcd's database, if there is one: etcd would wait for its lock without end, and would
// panic on a damaged one.
func probeDatabase(dir string) error {
	path := filepath.Join(memberDir(dir), "snap", "db")
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && info.Size() == 0) {
		return nil // none yet, or one that was never written
	}
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	db, err := bbolt.Open(path, fileutil.PrivateFileMode, &bbolt.Options{ReadOnly: true, Timeout: probeTimeout})
	if errors.Is(err, bbolterrors.ErrTimeout) {
		return fmt.Errorf("database %q is locked: another process uses this data folder, perhaps an etcd: "+
			"stop it, or choose another folder", path)
	}
	if err != nil {
		return fmt.Errorf("database %q is damaged or not etcd's: %w: restore the data folder from a backup, "+
			"or move it away to start empty", path, err)
	}
	return db.Close()
}

// firstStart is a file beside the data of an etcd that has never served anybody. Its log can lack that it is the only
// member of its cluster: an etcd that finds such a log would wait without end for others.
type firstStart struct{ dir string }

func (f firstStart) path() string { return filepath.Join(memberDir(f.dir), "first-start") }

// begin marks a folder that is new, and makes one new again whose first start has ended early.
func (f firstStart) begin() error {
	_, err := os.Stat(memberDir(f.dir))
	isNew := errors.Is(err, fs.ErrNotExist)
	if _, err := os.Stat(f.path()); err != nil && !isNew {
		return nil
	}
	if err := os.RemoveAll(memberDir(f.dir)); err != nil {
		return fmt.Errorf("clear the data folder of an etcd that has never served: %w", err)
	}
	if err := os.Mkdir(memberDir(f.dir), fileutil.PrivateDirMode); err != nil {
		return fmt.Errorf("prepare a new data folder: %w", err)
	}
	if err := os.WriteFile(f.path(), nil, fileutil.PrivateFileMode); err != nil {
		return fmt.Errorf("mark a new data folder: %w", err)
	}
	return nil
}

// end takes the mark away for good. It comes before the first write of a client: what is written then stays.
func (f firstStart) end() error {
	if err := os.Remove(f.path()); errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("mark that the data folder is in use: %w", err)
	}
	folder, err := os.Open(memberDir(f.dir))
	if err != nil {
		return err
	}
	defer folder.Close()
	return fileutil.Fsync(folder)
}
