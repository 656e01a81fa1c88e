package harness

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
)

// binaries are the programs that tests run. Each is built once per test binary,
// when a test first asks for it, and without the race detector, which would make
// others of what is measured.
var binaries = built{targets: map[string]*target{
	"coredns":   {module: "build", pkg: "."},
	"registrar": {module: ".", pkg: "./cmd/registrar"},
	"etcd":      {module: "test", pkg: "./cmd/etcd"},
}}

type built struct {
	targets map[string]*target
	makeDir sync.Once
	dir     string
	err     error
}

type target struct {
	module, pkg string
	once        sync.Once
	err         error
}

// Binary returns the path of a program built from this source tree: "coredns",
// "registrar" or "etcd".
func Binary(t testing.TB, name string) string {
	t.Helper()
	path, err := binaries.build(name)
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

func (b *built) build(name string) (string, error) {
	b.makeDir.Do(func() { b.dir, b.err = os.MkdirTemp("", "roster-test-") })
	if b.err != nil {
		return "", b.err
	}
	path := filepath.Join(b.dir, name)
	target := b.targets[name]
	target.once.Do(func() {
		cmd := exec.Command("go", "build", "-o", path, target.pkg)
		cmd.Dir = filepath.Join(SourceRoot(), target.module)
		if out, err := cmd.CombinedOutput(); err != nil {
			target.err = fmt.Errorf("building %s: %w\n%s", name, err, out)
		}
	})
	return path, target.err
}

func (b *built) remove() {
	if b.dir != "" {
		_ = os.RemoveAll(b.dir) // in the system's temporary folder
	}
}
