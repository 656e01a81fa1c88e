package deps_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// root is the folder of the module, seen from this package.
const root = "../.."

// pkg is what go list says of a package.
type pkg struct {
	ImportPath string
	Standard   bool
	GoFiles    []string // none where the package is only imported, and missing
	Imports    []string // without those of tests
}

// graph holds packages by their import paths.
type graph map[string]pkg

// load returns the packages of the root module and all that they reach. What
// doesn't build is let pass (-e): the compiler says that better.
func load(t *testing.T) graph {
	t.Helper()
	g := graph{}
	d := json.NewDecoder(bytes.NewReader(run(t, "list", "-e", "-deps", "-json=ImportPath,Standard,GoFiles,Imports", "./...")))
	for {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return g
		} else if err != nil {
			t.Fatal(err)
		}
		g[p.ImportPath] = p
	}
}

// run returns what a go command prints in the root of the module.
func run(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

// own returns the import paths of the root module's packages, sorted.
func (g graph) own() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(g)), func(path string) bool {
		return !strings.HasPrefix(path, module+"/")
	})
}

// chain returns the shortest chain of imports from a package to another one
// that is bad, both ends included; nil if there is none. What the standard
// library imports is left alone.
func (g graph) chain(from string, bad func(pkg) bool) []string {
	before := map[string]string{from: ""}
	for queue := []string{from}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		if at != from && bad(g[at]) {
			var chain []string
			for ; at != ""; at = before[at] {
				chain = append(chain, at)
			}
			slices.Reverse(chain)
			return chain
		}
		if g[at].Standard {
			continue
		}
		for _, next := range g[at].Imports {
			if _, seen := before[next]; !seen {
				before[next] = at
				queue = append(queue, next)
			}
		}
	}
	return nil
}
