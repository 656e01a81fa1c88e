package tour

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// Workspace returns a folder that is to the tour's steps what a clone of the
// repository, built, is to a reader: with bin and a Corefile, which replace
// changes, and in which a program can import the library. `make run` is not made,
// but what it runs is: see RunCommand.
func Workspace(t testing.TB, replace *strings.Replacer) string {
	t.Helper()
	dir := t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.Mkdir(filepath.Join(dir, "bin"), 0o700))
	for _, name := range []string{"coredns", "registrar"} {
		must(os.Symlink(harness.Binary(t, name), filepath.Join(dir, "bin", name)))
	}
	corefile, err := os.ReadFile(filepath.Join(harness.SourceRoot(), "Corefile"))
	must(err)
	must(os.WriteFile(filepath.Join(dir, "Corefile"), []byte(replace.Replace(string(corefile))), 0o600))

	// The module's own requirements are those of a program that imports it.
	module, err := os.ReadFile(filepath.Join(harness.SourceRoot(), "go.mod"))
	must(err)
	text := strings.Replace(string(module), "module github.com/rosterdns/roster", "module tour", 1) +
		fmt.Sprintf("\nrequire github.com/rosterdns/roster v0.0.0\n\nreplace github.com/rosterdns/roster => %s\n", harness.SourceRoot())
	must(os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o600))
	sums, err := os.ReadFile(filepath.Join(harness.SourceRoot(), "go.sum"))
	must(err)
	must(os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600))
	return dir
}

// WorkspaceEnv is what programs in a Workspace need in the environment.
func WorkspaceEnv() []string { return []string{"GOWORK=off", "GOFLAGS=-mod=mod"} }

// RunCommand is what `make run` runs once it has built.
func RunCommand(t testing.TB) string {
	t.Helper()
	commands := MakeCommands(t, "run")
	return strings.TrimPrefix(commands[len(commands)-1], "exec ")
}

// MakeCommands are the commands that make says it would run for a target, in order.
func MakeCommands(t testing.TB, target string) []string {
	t.Helper()
	cmd := exec.Command("make", "--no-print-directory", "--dry-run", target)
	cmd.Dir = harness.SourceRoot()
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "MAKELEVEL=")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("make --dry-run %s: %v\n%s", target, err, out)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
