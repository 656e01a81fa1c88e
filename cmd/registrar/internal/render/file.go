package render

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// newMode is that of a file that isn't there yet, before the umask.
const newMode fs.FileMode = 0o666

// WriteFile gives a file its contents as a whole: who reads it, and a power failure, finds
// the contents of before or the new ones. It keeps mode and owner, and reports whether
// the contents are others. Of a symbolic link it writes the target.
func WriteFile(path string, text []byte) (changed bool, err error) {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		info = nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular():
		return false, fmt.Errorf("%q is not a regular file", path)
	default:
		if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
			return false, nil
		}
	}
	temp, err := fill(path, text, info)
	if err != nil {
		return false, err
	}
	if err := os.Rename(temp, path); err != nil {
		_ = os.Remove(temp)
		return false, err
	}
	return true, syncFolder(filepath.Dir(path))
}

// fill writes a file beside path, which no pattern such as *.conf has, with the mode and
// owner of info.
func fill(path string, text []byte, info fs.FileInfo) (temp string, err error) {
	folder, name := filepath.Split(path)
	temp = filepath.Join(folder, fmt.Sprintf(".%s.%d.tmp", name, os.Getpid()))
	_ = os.Remove(temp) // of a process with the same number, which has died
	mode := newMode
	if info != nil {
		mode = info.Mode().Perm()
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return "", err
	}
	defer func() {
		if closeErr := f.Close(); err == nil {
			err = closeErr
		}
		if err != nil {
			_ = os.Remove(temp)
		}
	}()
	if info != nil {
		if err := keepOwner(f, info); err != nil {
			return "", fmt.Errorf("keeping the owner of %q: %w", path, err)
		}
		if err := f.Chmod(mode); err != nil { // the umask was taken off
			return "", err
		}
	}
	if _, err := f.Write(text); err != nil {
		return "", err
	}
	return temp, f.Sync()
}

// syncFolder makes a change of names last, where the file system knows how.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	defer folder.Close()
	err = folder.Sync()
	if runtime.GOOS == "windows" || errors.Is(err, syscall.EINVAL) || errors.Is(err, errors.ErrUnsupported) {
		return nil // Windows and some network file systems know no such thing
	}
	return err
}
