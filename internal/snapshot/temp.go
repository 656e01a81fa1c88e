package snapshot

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// A temporary file is locked while its writer lives. So a leftover is told from
// a file that another process is just writing without regard to process IDs,
// which mean nothing where containers share a folder.

const (
	tempInfix = ".tmp-"
	// tempTries is how often a new file can be taken for a leftover before its
	// writer has locked it. Even twice in a row is next to impossible.
	tempTries = 10
	// leftoverAge makes a leftover of a file that can't be locked: no write takes
	// that long.
	leftoverAge = time.Hour
)

// errLocked is returned by lock for a file that somebody else has locked.
var errLocked = errors.New("locked")

// createTemp makes a file beside path and locks it.
func createTemp(path string) (*os.File, error) {
	folder, name := filepath.Split(path)
	if folder == "" {
		folder = "." // an empty one would be the system's for temporary files
	}
	for range tempTries {
		f, err := os.CreateTemp(folder, name+tempInfix+"*")
		if err != nil {
			return nil, err
		}
		if !errors.Is(lock(f), errLocked) && isAt(f, f.Name()) {
			return f, nil
		}
		_ = f.Close() // nothing was written
	}
	return nil, fmt.Errorf("other processes remove each new file beside it: %w", errLocked)
}

// removeLeftovers removes the files that writers of path left when they died.
// What can't be removed will be by somebody else: failure takes nothing but
// space.
func removeLeftovers(path string) {
	folder, name := filepath.Split(path)
	if folder == "" {
		folder = "."
	}
	files, _ := os.ReadDir(folder) // those that could be read, if not all
	for _, file := range files {
		number, ok := strings.CutPrefix(file.Name(), name+tempInfix)
		if ok && number != "" && strings.Trim(number, "0123456789") == "" && file.Type().IsRegular() {
			removeLeftover(filepath.Join(folder, file.Name()))
		}
	}
}

// removeLeftover removes one temporary file unless its writer lives.
func removeLeftover(path string) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return
	}
	defer f.Close()
	switch err := lock(f); {
	case errors.Is(err, errLocked):
		return
	case err != nil: // locks are not supported: go by age
		info, err := f.Stat()
		if err != nil || time.Since(info.ModTime()) < leftoverAge {
			return
		}
		if !canLock {
			_ = f.Close() // Windows removes no open file
		}
	}
	_ = os.Remove(path)
}

// isAt reports whether an open file still has its name.
func isAt(f *os.File, path string) bool {
	open, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Lstat(path)
	return err == nil && os.SameFile(open, named)
}
