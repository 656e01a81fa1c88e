package etcdserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
)

const (
	// stopStartTimeout bounds the wait for an etcd to stop that doesn't serve yet: to open its files, of which a long log
	// takes seconds, and to close them again.
	stopStartTimeout = 10 * time.Second

	// lockTimeout bounds the wait for another process to let go of the data folder: time for the etcd of a predecessor that
	// was killed, or is stopping, and short enough for a person who waits.
	lockTimeout = 5 * time.Second

	// lockPause is between two tries to lock.
	lockPause = 50 * time.Millisecond
)

// errStopped is why a start ended that was told to.
var errStopped = errors.New("told to stop")

// lockDataDir prepares the data folder, and takes it for this process and for the etcds that it hands the file to: nobody
// else gets it before the last of them is gone, whatever way that ends.
func lockDataDir(ctx context.Context, dir string) (*os.File, error) {
	return hurry(ctx, dir, func() (*os.File, error) {
		if err := prepareDataDir(dir); err != nil {
			return nil, err
		}
		file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return nil, fmt.Errorf("lock the data folder: %w", advised(err))
		}
		if err := awaitLock(ctx, file); err != nil {
			_ = file.Close()
			return nil, err
		}
		return file, nil
	})
}

// advised adds to the error of a file what can be done about it, where that is known.
func advised(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: the folder must belong to the user that runs CoreDNS", err)
	}
	return err
}

// hurry waits for a file, but not without end once ctx is done: nothing that reads or writes files can be told to end. What is
// left behind ends once the disk answers, or with the process.
func hurry(ctx context.Context, dir string, open func() (*os.File, error)) (*os.File, error) {
	type result struct {
		file *os.File
		err  error
	}
	results := make(chan result, 1)
	go func() {
		file, err := open()
		results <- result{file, err}
	}()
	select {
	case r := <-results:
		return r.file, r.err
	case <-ctx.Done():
	}
	select {
	case r := <-results:
		return r.file, r.err
	case <-time.After(stopStartTimeout):
		return nil, fmt.Errorf("%w while etcd with data folder %q was starting: its disk doesn't answer", errStopped, dir)
	}
}

// awaitLock locks a file for this process.
func awaitLock(ctx context.Context, file *os.File) error {
	timeout := time.Now().Add(lockTimeout)
	for {
		switch locked, err := tryLock(file); {
		case err != nil:
			return fmt.Errorf("lock %q: %w", file.Name(), err)
		case locked:
			writeHolder(file)
			return nil
		case time.Now().After(timeout):
			return fmt.Errorf("another process uses this data folder: %s: stop it, or use a folder other than %q", holder(file.Name()),
				filepath.Dir(file.Name()))
		}
		if err := backoff.Sleep(ctx, lockPause); err != nil {
			return fmt.Errorf("%w while another process used data folder %q", errStopped, filepath.Dir(file.Name()))
		}
	}
}

// writeHolder writes the ID of this process into the lock, for those who wait for it. It may fail on a full disk.
func writeHolder(file *os.File) {
	_ = file.Truncate(0)
	_, _ = file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
}

// holder names the process that holds a lock.
func holder(path string) string {
	text, err := os.ReadFile(path)
	if pid, convErr := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && convErr == nil {
		return fmt.Sprintf("coredns with process ID %d, or its etcd", pid)
	}
	return "perhaps another coredns"
}
