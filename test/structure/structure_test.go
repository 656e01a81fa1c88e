// Package structure checks how the files of each package use one another, and what
// the modules outside go.work depend on.
package structure

import (
	"go/ast"
	"go/types"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/packages"
)

// TestCallsRunDownwards checks that no file uses one that uses it, directly or by
// way of others: whoever reads a file needs only those below it. A file uses
// another where it names a function, method, type, constant or variable that the
// other declares. Fields, and methods that are called through an interface, don't
// count.
func TestCallsRunDownwards(t *testing.T) {
	t.Parallel()
	for _, dir := range append([]string{".", "build"}, separate(t)...) {
		for _, p := range load(t, filepath.Join(root, dir), false) {
			uses := usesOf(p)
			for _, circle := range circles(uses) {
				t.Errorf("%s: these files use one another: %s", p.PkgPath, strings.Join(describe(uses, circle), "; "))
			}
		}
	}
}

// TestCircles checks the check itself.
func TestCircles(t *testing.T) {
	t.Parallel()
	uses := graph{
		"a": {"b": {"F": true}},
		"b": {"c": {"G": true}},
		"c": {"b": {"H": true}, "d": {"I": true}},
		"e": {"f": {}},
		"f": {"g": {}},
		"g": {"e": {}},
	}
	want := [][]string{{"b", "c"}, {"e", "f", "g"}}
	if got := circles(uses); !slices.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// load returns the packages of the module in a folder, by its own go.mod, with those
// of tests if asked for.
func load(t *testing.T, dir string, tests bool) []*packages.Package {
	t.Helper()
	pkgs, err := packages.Load(&packages.Config{
		Dir: dir, Env: append(os.Environ(), "GOWORK=off"), Tests: tests,
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedSyntax | packages.NeedTypes | packages.NeedTypesInfo | packages.NeedImports | packages.NeedExportFile,
	}, "./...")
	if err != nil {
		t.Fatal(err)
	}
	if len(pkgs) == 0 {
		t.Fatalf("%s has no packages", dir)
	}
	for _, p := range pkgs {
		for _, err := range p.Errors {
			t.Fatal(err)
		}
	}
	return pkgs
}

// graph has, for each file, the files that it uses, and the names by which it
// does.
type graph map[string]map[string]map[string]bool

func usesOf(p *packages.Package) graph {
	g := graph{}
	for _, f := range p.Syntax {
		from := fileOf(p, f)
		for _, d := range f.Decls {
			// The type in a method's receiver is where the method belongs, not a use.
			if method, ok := d.(*ast.FuncDecl); ok {
				g.add(p, from, method.Type)
				if method.Body != nil {
					g.add(p, from, method.Body)
				}
				continue
			}
			g.add(p, from, d)
		}
	}
	return g
}

// add adds what a part of a file uses.
func (g graph) add(p *packages.Package, from string, part ast.Node) {
	ast.Inspect(part, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		used := p.TypesInfo.Uses[id]
		if used == nil || used.Pkg() != p.Types || !counts(used) {
			return true
		}
		to := filepath.Base(p.Fset.Position(used.Pos()).Filename)
		if to == from {
			return true
		}
		if g[from] == nil {
			g[from] = map[string]map[string]bool{}
		}
		if g[from][to] == nil {
			g[from][to] = map[string]bool{}
		}
		g[from][to][used.Name()] = true
		return true
	})
}

// counts reports whether naming an object uses the file that declares it.
func counts(o types.Object) bool {
	if f, ok := o.(*types.Func); ok {
		recv := f.Signature().Recv()
		return recv == nil || !types.IsInterface(recv.Type())
	}
	return o.Parent() == o.Pkg().Scope()
}

func fileOf(p *packages.Package, n ast.Node) string {
	return filepath.Base(p.Fset.Position(n.Pos()).Filename)
}

// circles returns the sets of files that reach each other, in order.
func circles(g graph) [][]string {
	var found [][]string
	done := map[string]bool{}
	for _, a := range slices.Sorted(maps.Keys(g)) {
		if done[a] || !g.reaches(a, a) {
			continue
		}
		var circle []string
		for _, b := range slices.Sorted(maps.Keys(g)) {
			if g.reaches(a, b) && g.reaches(b, a) {
				circle = append(circle, b)
				done[b] = true
			}
		}
		found = append(found, circle)
	}
	return found
}

// reaches reports whether a file uses another, directly or by way of others.
func (g graph) reaches(from, to string) bool {
	seen := map[string]bool{}
	var walk func(string) bool
	walk = func(at string) bool {
		for next := range g[at] {
			if next == to {
				return true
			}
			if !seen[next] {
				seen[next] = true
				if walk(next) {
					return true
				}
			}
		}
		return false
	}
	return walk(from)
}

// describe lists the uses between the files of a circle.
func describe(g graph, circle []string) []string {
	var lines []string
	for _, a := range circle {
		for _, b := range circle {
			if names := slices.Sorted(maps.Keys(g[a][b])); len(names) > 0 {
				lines = append(lines, a+" uses "+strings.Join(names, ", ")+" of "+b)
			}
		}
	}
	return lines
}
