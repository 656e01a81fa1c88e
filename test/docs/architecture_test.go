package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

var (
	// quoted is a name in backquotes on one line.
	quoted = regexp.MustCompile("`([^`\n]+)`")
	// namedPath is a file or folder of the repository.
	namedPath = regexp.MustCompile(`^[a-z]+/[\w/.]*$`)
	// namedMethod is a method and the type that it is of.
	namedMethod = regexp.MustCompile(`^\w+\.\w+$`)
)

// TestArchitecture checks what docs/architecture.md names: files and folders
// exist, and a row of a table that has a file first and functions next names
// those that the file declares.
func TestArchitecture(t *testing.T) {
	t.Parallel()
	text := document(t, "architecture.md")
	declared := map[string]bool{} // by the files of the walks
	steps := 0
	for line := range strings.Lines(text) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 {
			continue
		}
		file := quoted.FindStringSubmatch(cells[1])
		if file == nil {
			continue
		}
		steps++
		names := declarations(t, file[1])
		for name := range names {
			declared[name] = true
		}
		for _, function := range quoted.FindAllStringSubmatch(cells[2], -1) {
			if !names[function[1]] {
				t.Errorf("%s declares no %s", file[1], function[1])
			}
		}
	}
	for _, found := range quoted.FindAllStringSubmatch(text, -1) {
		switch name := found[1]; {
		case namedPath.MatchString(name):
			if _, err := os.Stat(filepath.Join(harness.SourceRoot(), name)); err != nil {
				t.Error(err)
			}
		case namedMethod.MatchString(name):
			if !declared[name] {
				t.Errorf("no file of the walks declares %s", name)
			}
		}
	}
	// A notation that is no longer understood would find nothing.
	if steps < 30 {
		t.Errorf("found only %d steps", steps)
	}
}

// declarations are the functions and types of a Go file, methods as "Type.Method".
func declarations(t *testing.T, path string) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(harness.SourceRoot(), path), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Error(err)
		return nil
	}
	names := map[string]bool{}
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			names[receiver(d)+d.Name.Name] = true
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok {
					names[s.Name.Name] = true
				}
			}
		}
	}
	return names
}

// receiver is the type that a method is of, with a dot; "" for a function.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	of := f.Recv.List[0].Type
	if pointer, ok := of.(*ast.StarExpr); ok {
		of = pointer.X
	}
	if name, ok := of.(*ast.Ident); ok {
		return name.Name + "."
	}
	return ""
}
