package snapshot

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// Write replaces the snapshot at path, or makes it, and returns its size in
// bytes. It goes through the entries twice, which must be the same both times:
// the header, which comes first, says how many there are.
//
// The file is there whole and on disk once Write returns nil. Whatever becomes
// of the process or the machine before, the former file is there unchanged, or
// the new one is there whole. The new one is built beside it, under its name
// with ".tmp-" and a number; such files that dead processes left are removed.
// Mode is 0600. A symbolic link is replaced, not followed; folders and devices
// are left alone.
//
// A path is for one writer at a time: of two, one gets an error, and the file is
// that of the other. Errors wrap the system's, and say what to do about it;
// others are of a Header or an Entry that is against the rules of the format.
func Write(path string, h Header, entries iter.Seq[Entry]) (size int64, err error) {
	return system.snapshot(path, h, entries)
}

// disk is what Write asks of the system. Tests make it fail.
type disk struct {
	write  func(f *os.File, p []byte) (int, error)
	sync   func(f *os.File) error // the file first, then its folder
	rename func(from, to string) error
}

var system = disk{write: (*os.File).Write, sync: (*os.File).Sync, rename: os.Rename}

func (d disk) snapshot(path string, h Header, entries iter.Seq[Entry]) (int64, error) {
	size, err := d.replace(path, h, entries)
	if err != nil {
		return 0, fmt.Errorf("writing snapshot %q: %w%s", path, err, advice(err))
	}
	return size, nil
}

// replace puts a new file in the place of path.
func (d disk) replace(path string, h Header, entries iter.Seq[Entry]) (int64, error) {
	switch info, err := os.Lstat(path); {
	case err == nil && !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0:
		return 0, notFile(info)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return 0, err
	}
	f, err := createTemp(path)
	if err != nil {
		return 0, err
	}
	size, err := d.fill(f, path, h, entries)
	if err != nil {
		return 0, err
	}
	return size, d.syncFolder(filepath.Dir(path))
}

// fill writes a temporary file and gives it the name of path; else it removes
// it.
func (d disk) fill(f *os.File, path string, h Header, entries iter.Seq[Entry]) (size int64, err error) {
	renamed := false
	defer func() { // also where the caller's entries panic
		_ = f.Close() // it is closed already, or of no use
		if !renamed {
			_ = os.Remove(f.Name()) // else the next write does
		}
	}()
	if size, err = encode(diskWriter{d, f}, h, entries); err != nil {
		return 0, err
	}
	// Before the name is changed: else a power failure could leave the name
	// without the contents.
	if err := d.sync(f); err != nil {
		return 0, err
	}
	if err := f.Close(); err != nil { // Windows renames no open file
		return 0, err
	}
	if err := d.rename(f.Name(), path); err != nil {
		if _, gone := os.Lstat(f.Name()); errors.Is(gone, fs.ErrNotExist) {
			return 0, fmt.Errorf("%w: %w", errTaken, err)
		}
		return 0, err
	}
	renamed = true
	return size, nil
}

// syncFolder makes a change of names last, where the file system knows how.
func (d disk) syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	err = d.sync(folder)
	if runtime.GOOS == "windows" || errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil // Windows and some network file systems know no such thing
	}
	return err
}

// diskWriter is an io.Writer to a file of a disk.
type diskWriter struct {
	disk disk
	f    *os.File
}

// Write implements io.Writer.
func (w diskWriter) Write(p []byte) (int, error) { return w.disk.write(w.f, p) }

// errTaken is what a writer finds whose temporary file another has removed.
var errTaken = errors.New("another process writes this snapshot too")

// notFile is the error of a path where there is something, but no file.
func notFile(info fs.FileInfo) error {
	return fmt.Errorf("not a regular file (%v): choose another path", info.Mode())
}

// advice is what an operator can do about an error, to be put behind it.
func advice(err error) string {
	switch {
	case errors.Is(err, errTaken):
		return ": give each process its own file"
	case errors.Is(err, fs.ErrNotExist):
		return ": create its folder"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return ": let this process read and write its folder"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ": make room on its disk for two copies of it"
	default:
		return ""
	}
}
