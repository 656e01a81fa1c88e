package snapshot

import (
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"
	"testing"
)

// nobody is a user without rights, as most systems number it.
const nobody = 65534

// TestForbidden are a folder that can't be written to and a file that can't be
// read. Root may do both: the thread of the test acts as another user.
func TestForbidden(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "snapshot")
	if _, err := Write(path, testHeader(), slices.Values(testEntries())); err != nil {
		t.Fatal(err)
	}
	for name, mode := range map[string]fs.FileMode{filepath.Dir(folder): 0o755, folder: 0o555, path: 0o000} {
		if err := os.Chmod(name, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		if err := os.Chmod(folder, 0o700); err != nil {
			t.Error(err)
		}
	})
	var writeErr, openErr error
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
		if os.Geteuid() == 0 {
			if err := syscall.Setfsuid(nobody); err != nil {
				t.Error(err)
				return
			}
		}
		_, writeErr = Write(path, testHeader(), slices.Values(testEntries()))
		_, openErr = Open(path)
	}()
	<-done
	wantError(t, writeErr, fs.ErrPermission, path, "let this process")
	wantError(t, openErr, fs.ErrPermission, path, "permission denied") // not ErrCorrupt: the file may be well
	wantFiles(t, folder, "snapshot")
}
