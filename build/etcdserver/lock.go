package etcdserver

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
)

const (
	// lockTimeout bounds the wait for another process to let go of the data folder: time for the etcd of a predecessor that
	// was killed, or is stopping, and short enough for a person who waits.
	lockTimeout = 5 * time.Second

	// lockPause is between two tries to lock.
	lockPause = 50 * time.Millisecond
)

// errLocked is what tryLock returns where another process holds the lock.
var errLocked = errors.New("locked")

// lockDataDir prepares the data folder, and takes it for this process and for the etcds that it hands the file to: nobody
// else gets it before the last of them is gone, whatever way that ends.
func lockDataDir(ctx context.Context, dir string) (*os.File, error) {
	if err := prepareDataDir(dir); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "lock")
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data folder: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, lockTimeout)
	defer cancel()
	for {
		switch err := tryLock(file); {
		case err == nil:
			return file, writeHolder(file)
		case !errors.Is(err, errLocked):
			_ = file.Close()
			return nil, fmt.Errorf("lock %q: %w", path, err)
		}
		if err := backoff.Sleep(ctx, lockPause); err != nil {
			_ = file.Close()
			if errors.Is(err, context.DeadlineExceeded) {
				err = fmt.Errorf("data folder %q is in use: another process uses this data folder: %s: stop it, or name another folder",
					dir, holder(path))
			}
			return nil, err
		}
	}
}

// writeHolder writes the ID of this process into the lock, for those who wait for it. It may fail on a full disk.
func writeHolder(file *os.File) error {
	if err := file.Truncate(0); err != nil {
		return fmt.Errorf("lock the data folder: %w", err)
	}
	_, _ = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return nil
}

// holder names the process that holds a lock.
func holder(path string) string {
	text, err := os.ReadFile(path)
	if pid, convErr := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && convErr == nil {
		return fmt.Sprintf("coredns with process ID %d, or its etcd", pid)
	}
	return "perhaps another coredns"
}
