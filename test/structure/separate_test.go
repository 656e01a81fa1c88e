package structure

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
)

// rootModule is the path of the module that programs import, and root its folder.
const (
	rootModule = "github.com/rosterdns/roster"
	root       = "../.."
)

// separate returns the folders of the modules outside go.work, seen from root.
func separate(t *testing.T) []string {
	t.Helper()
	var dirs []string
	for _, pattern := range []string{"examples/go.mod", "registrar/*/go.mod", "registrar/*/*/go.mod"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			dir, err := filepath.Rel(root, filepath.Dir(file))
			if err != nil {
				t.Fatal(err)
			}
			dirs = append(dirs, filepath.ToSlash(dir))
		}
	}
	for _, dir := range []string{"examples", "registrar/observe/prometheus"} {
		if !slices.Contains(dirs, dir) {
			t.Fatalf("found the modules %q, without %s", dirs, dir)
		}
	}
	return dirs
}

// TestSeparateModules checks the modules outside go.work: each has the path of its
// folder and takes the repository's modules from their folders, requires what the root module
// requires in the same versions, and uses no more of it than any program could.
func TestSeparateModules(t *testing.T) {
	t.Parallel()
	work := workspace(t)
	wanted := parseModule(t, root)
	for _, dir := range separate(t) {
		t.Run(dir, func(t *testing.T) {
			t.Parallel()
			if slices.Contains(work, "./"+dir) {
				t.Error("go.work has it: everything in the workspace would be built with its dependencies")
			}
			m := parseModule(t, filepath.Join(root, dir))
			checkModule(t, m, dir)
			checkVersions(t, m, wanted)
			checkInternal(t, dir, separate(t))
		})
	}
}

// checkModule checks the path of a module and what it replaces.
func checkModule(t *testing.T, m *modfile.File, dir string) {
	t.Helper()
	if want := rootModule + "/" + dir; m.Module.Mod.Path != want {
		t.Errorf("the module is %s, want %s", m.Module.Mod.Path, want)
	}
	var replaced []string
	for _, r := range m.Replace {
		replaced = append(replaced, r.Old.Path)
		of := strings.Trim(strings.TrimPrefix(r.Old.Path, rootModule), "/")
		if want, err := filepath.Rel(dir, of); err != nil || filepath.Clean(r.New.Path) != want {
			t.Errorf("go.mod replaces %s by %s, want %s", r.Old.Path, r.New.Path, want)
		}
	}
	if !slices.Contains(replaced, rootModule) {
		t.Errorf("go.mod replaces %q, not %s", replaced, rootModule)
	}
}

// checkVersions compares what a module requires with what the root module's own
// packages import.
func checkVersions(t *testing.T, m, root *modfile.File) {
	t.Helper()
	if m.Go.Version != root.Go.Version {
		t.Errorf("go.mod is for Go %s, that of the root module for %s", m.Go.Version, root.Go.Version)
	}
	versions := map[string]string{}
	for _, r := range root.Require {
		if !r.Indirect {
			versions[r.Mod.Path] = r.Mod.Version
		}
	}
	for _, r := range m.Require {
		if want := versions[r.Mod.Path]; want != "" && r.Mod.Version != want {
			t.Errorf("requires %s %s, the root module %s", r.Mod.Path, r.Mod.Version, want)
		}
	}
}

// checkInternal checks that a module, whose path would let it, imports no internal
// package but its own, and those of the separate module that it is below.
func checkInternal(t *testing.T, dir string, separate []string) {
	t.Helper()
	own := func(path string) bool {
		return slices.ContainsFunc(separate, func(module string) bool {
			return strings.HasPrefix(dir+"/", module+"/") && strings.HasPrefix(path, module+"/")
		})
	}
	for _, p := range load(t, filepath.Join(root, dir), true) {
		for _, path := range slices.Sorted(maps.Keys(p.Imports)) {
			below, ours := strings.CutPrefix(path+"/", rootModule+"/")
			if ours && !own(below) && strings.Contains("/"+below, "/internal/") {
				t.Errorf("%s imports %s", p.ID, path)
			}
		}
	}
}

func parseModule(t *testing.T, dir string) *modfile.File {
	t.Helper()
	name := filepath.Join(dir, "go.mod")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := modfile.Parse(name, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// workspace returns the folders that go.work uses.
func workspace(t *testing.T) []string {
	t.Helper()
	name := filepath.Join(root, "go.work")
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	w, err := modfile.ParseWork(name, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for _, use := range w.Use {
		dirs = append(dirs, use.Path)
	}
	return dirs
}
