package harness

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
)

// binaries are the programs that tests run, each built when a test first asks for
// it, and without the race detector, which would distort what is measured.
var binaries = map[string]func() (path string, err error){
	"coredns":   sync.OnceValues(func() (string, error) { return build("coredns", "build", ".") }),
	"registrar": sync.OnceValues(func() (string, error) { return build("registrar", ".", "./cmd/registrar") }),
	"etcd":      sync.OnceValues(func() (string, error) { return build("etcd", "test", "./cmd/etcd") }),
	"served":    sync.OnceValues(func() (string, error) { return build("served", "test", "./cmd/served") }),
}

// binaryDir is this process's own folder of programs: what it runs stays the same
// when the source tree changes and another process builds meanwhile.
var binaryDir = sync.OnceValues(func() (string, error) {
	if err := os.MkdirAll(sharedDir(), 0o755); err != nil {
		return "", err
	}
	return os.MkdirTemp(sharedDir(), "run-")
})

// sharedDir is where the programs are built for all test packages. It is on the
// file system of the source tree, so that programs can be linked from there.
func sharedDir() string { return filepath.Join(SourceRoot(), "bin", "test") }

// Binary returns the path of a program built from this source tree: "coredns",
// "registrar", "etcd", or "served", which is a server of a service.
func Binary(t testing.TB, name string) string {
	t.Helper()
	path, err := binaries[name]()
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// SourceRoot returns the folder of the source tree.
func SourceRoot() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		panic("no caller information")
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

// build builds a program in the shared folder, where the go command leaves it as
// it is unless its sources have changed: linking takes longer than many a test.
func build(name, module, pkg string) (path string, err error) {
	dir, err := binaryDir()
	if err != nil {
		return "", fmt.Errorf("making a folder for %s: %w", name, err)
	}
	unlock, err := lock(filepath.Join(sharedDir(), "lock"))
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, unlock()) }()

	shared := filepath.Join(sharedDir(), name)
	cmd := exec.Command("go", "build", "-o", shared, pkg)
	cmd.Dir = filepath.Join(SourceRoot(), module)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building %s: %w\n%s", name, err, out)
	}
	path = filepath.Join(dir, name)
	return path, os.Link(shared, path)
}

// lock waits until no other process holds the lock of a file.
func lock(path string) (unlock func() error, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("locking %s: %w", path, err), file.Close())
	}
	return file.Close, nil
}

// removeBinaries removes this process's folder of programs.
func removeBinaries() {
	if dir, err := binaryDir(); err == nil {
		_ = os.RemoveAll(dir) // a leftover costs nothing: its files are links
	}
}
