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

// binaries are built once per test binary, when a test first asks for them.
var binaries built

type built struct {
	once sync.Once
	dir  string
	err  error
}

// Binaries returns the folder with the programs coredns and registrar, built
// from this source tree.
func Binaries(t testing.TB) string {
	t.Helper()
	binaries.once.Do(binaries.build)
	if binaries.err != nil {
		t.Fatal(binaries.err)
	}
	return binaries.dir
}

// SourceRoot returns the folder of the source tree.
func SourceRoot() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		panic("no caller information")
	}
	return filepath.Dir(filepath.Dir(filepath.Dir(file)))
}

func (b *built) build() {
	if b.dir, b.err = os.MkdirTemp("", "roster-test-"); b.err != nil {
		return
	}
	for _, target := range []struct{ module, pkg, name string }{
		{"build", ".", "coredns"},
		{".", "./cmd/registrar", "registrar"},
	} {
		cmd := exec.Command("go", "build", "-o", filepath.Join(b.dir, target.name), target.pkg) //nolint:gosec // fixed arguments
		cmd.Dir = filepath.Join(SourceRoot(), target.module)
		if out, err := cmd.CombinedOutput(); err != nil {
			b.err = fmt.Errorf("building %s: %w\n%s", target.name, err, out)
			return
		}
	}
}

func (b *built) remove() {
	if b.dir != "" {
		_ = os.RemoveAll(b.dir) // in the system's temporary folder
	}
}
