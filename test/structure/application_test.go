package structure

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// heavy are modules that no program is made to depend on which registers itself.
var heavy = []string{"github.com/coredns/", "github.com/miekg/dns", "codeberg.org/miekg/dns", "github.com/prometheus/", "github.com/spf13/cobra"}

// TestApplication builds a program in a module of its own, which imports one package of
// the library, and looks at what that has brought: the packages that are compiled, and
// the modules in the binary. internal/deps has the rule for each import.
func TestApplication(t *testing.T) {
	t.Parallel()
	for _, imported := range []string{"registrar", "registrar/etcd", "registrar/memory", "registrar/balance", "registrar/httpbalance"} {
		t.Run(imported, func(t *testing.T) {
			t.Parallel()
			app := newApplication(t, rootModule+"/"+imported)
			packages := app.run("list", "-deps", "./...")
			if !slices.Contains(packages, rootModule+"/"+imported) {
				t.Fatalf("go list has %d packages, without %s", len(packages), imported)
			}
			app.run("build", "-o", "app", ".")
			modules := linked(app.run("version", "-m", "app"))
			for _, path := range slices.Concat(packages, modules) {
				if slices.ContainsFunc(heavy, func(h string) bool { return strings.HasPrefix(path+"/", h) }) {
					t.Errorf("a program that imports %s alone gets %s", imported, path)
				}
			}
			t.Logf("%s: %d packages compiled, %d modules in the binary besides the program's own", imported, len(packages), len(modules))
		})
	}
}

// application is a module with one program.
type application struct {
	t   *testing.T
	dir string
}

func newApplication(t *testing.T, imported string) *application {
	t.Helper()
	repository, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	app := &application{t, t.TempDir()}
	// A module proxy would give the program the root module's go.sum.
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	app.write("go.sum", string(sums))
	app.write("main.go", fmt.Sprintf("package main\n\nimport _ %q\n\nfunc main() {}\n", imported))
	app.write("go.mod", fmt.Sprintf("module example.com/app\n\ngo %s\n\nrequire %s v0.0.0\n\nreplace %[2]s => %s\n",
		parseModule(t, root).Go.Version, rootModule, repository))
	return app
}

func (a *application) write(name, content string) {
	a.t.Helper()
	if err := os.WriteFile(filepath.Join(a.dir, name), []byte(content), 0o600); err != nil {
		a.t.Fatal(err)
	}
}

// run returns the lines that a go command prints in the module.
func (a *application) run(args ...string) []string {
	a.t.Helper()
	cmd := exec.CommandContext(a.t.Context(), "go", args...)
	cmd.Dir = a.dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod -buildvcs=false")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		a.t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}

// linked returns the paths of the modules that a binary says it has, without its own.
func linked(version []string) []string {
	var modules []string
	for _, line := range version {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "dep" {
			modules = append(modules, f[1])
		}
	}
	return modules
}
