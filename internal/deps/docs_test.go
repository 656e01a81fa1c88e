package deps_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// TestPackageDocs checks that each package of the repository says what it is:
// in one of its files, a test's only where it has no others.
//
// It reads every Go file and go.mod itself, which has go test's cache notice
// the changes that the other tests here, through the go command, depend on.
func TestPackageDocs(t *testing.T) {
	t.Parallel()
	repository := os.DirFS(root)
	if _, err := fs.ReadFile(repository, "go.mod"); err != nil {
		t.Fatal(err)
	}
	packages := 0
	err := fs.WalkDir(repository, ".", func(dir string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		if dir != "." && isIgnored(d.Name(), path.Dir(dir)) {
			return fs.SkipDir
		}
		files := parse(t, repository, dir)
		if len(files) == 0 {
			return nil
		}
		packages++
		if !slices.ContainsFunc(files, isDocumented) {
			t.Errorf("package %s in %s has no package comment that starts with its name", files[0].Name, dir)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if packages < len(required) {
		t.Errorf("found %d packages", packages)
	}
}

// isIgnored reports whether a folder holds no packages: those that the go
// command ignores, and, at the top, what programs write.
func isIgnored(name, parent string) bool {
	return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" ||
		parent == "." && (name == "bin" || name == "data")
}

// parse returns the Go files of a folder up to their package clauses; those of
// tests only if there are no others.
func parse(t *testing.T, repository fs.FS, dir string) []*ast.File {
	t.Helper()
	names, err := fs.Glob(repository, path.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files, tests []*ast.File
	for _, name := range names {
		source, err := fs.ReadFile(repository, name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.PackageClauseOnly|parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(name, "_test.go") {
			tests = append(tests, file)
		} else {
			files = append(files, file)
		}
	}
	if len(files) == 0 {
		return tests
	}
	return files
}

// isDocumented reports whether a file has the package's comment: "Package NAME …"
// for a library; a command's starts as its author likes.
func isDocumented(file *ast.File) bool {
	if file.Doc == nil {
		return false
	}
	name := strings.TrimSuffix(file.Name.Name, "_test")
	return name == "main" || strings.HasPrefix(file.Doc.Text(), "Package "+name+" ")
}
