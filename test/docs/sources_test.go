package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// sources is what documents name of the repository's Go files. It is read from
// the files rather than from the programs, since much of it shows only when
// something fails.
type sources struct {
	// tests are the tests, fuzz targets and benchmarks, as "folder.Name".
	tests map[string]bool
	// metrics are the full names of CoreDNS's metrics that are ours.
	metrics map[string]bool
	// logs are the texts with which programs write to a log or tell a user
	// something, with "…" in place of what varies.
	logs []string
	// texts are all string literals of the programs, likewise.
	texts map[string]bool
}

// read is the repository's sources.
var read = sync.OnceValues(func() (*sources, error) {
	s := &sources{tests: map[string]bool{}, metrics: map[string]bool{}, texts: map[string]bool{}}
	root := harness.SourceRoot()
	files := token.NewFileSet()
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && isIgnored(d.Name()):
			return filepath.SkipDir
		case d.IsDir() || filepath.Ext(name) != ".go":
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(files, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder := path.Dir(filepath.ToSlash(rel))
		switch {
		case strings.HasSuffix(name, "_test.go"):
			s.addTests(folder, file)
		case !strings.HasPrefix(folder, "test/") && !strings.HasPrefix(folder, "tools"):
			s.addProgram(file)
		}
		return nil
	})
	return s, err
})

// isIgnored reports whether a folder holds nothing of the repository itself.
func isIgnored(name string) bool {
	return strings.HasPrefix(name, ".") || name == "testdata" || name == "data" || name == "bin"
}

func readSources(t *testing.T) *sources {
	t.Helper()
	s, err := read()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var testName = regexp.MustCompile(`^(Test|Fuzz|Benchmark)[A-Z]`)

func (s *sources) addTests(folder string, file *ast.File) {
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && testName.MatchString(f.Name.Name) && f.Name.Name != "TestMain" {
			s.tests[folder+"."+f.Name.Name] = true
		}
	}
}

// tellers are the functions whose first argument reaches a log or a user.
var tellers = []string{"Debug", "Info", "Warn", "Error", "Infof", "Warningf", "Errorf", "notef", "warnf"}

func (s *sources) addProgram(file *ast.File) {
	names := constants(file)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit, *ast.BinaryExpr:
			if text, ok := literal(n.(ast.Expr)); ok {
				s.texts[text] = true
			}
		case *ast.CallExpr:
			s.addCall(n)
		case *ast.CompositeLit:
			s.addOptions(n, names)
		}
		return true
	})
}

// addCall takes the text of a call that logs, or the name of a metric that is
// collected when it is asked for.
func (s *sources) addCall(call *ast.CallExpr) {
	if len(call.Args) == 0 {
		return
	}
	text, ok := literal(call.Args[0])
	if !ok {
		return
	}
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); slices.Contains(tellers, f.Sel.Name) && (!ok || x.Name != "fmt") {
			s.logs = append(s.logs, text)
		}
	case *ast.Ident:
		if f.Name == "gauge" {
			s.metrics["coredns_roster_"+text] = true
		}
	}
}

// addOptions takes the name of a metric from its options. Each of our plugins
// names its subsystem by a constant, whose value is the directive's name.
func (s *sources) addOptions(options *ast.CompositeLit, names map[string]string) {
	var subsystem, name string
	for _, element := range options.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return
		}
		key, ok := pair.Key.(*ast.Ident)
		if !ok {
			return
		}
		switch key.Name {
		case "Subsystem":
			if id, ok := pair.Value.(*ast.Ident); ok {
				subsystem = names[id.Name]
			} else {
				subsystem, _ = literal(pair.Value)
			}
		case "Name":
			name, _ = literal(pair.Value)
		}
	}
	if subsystem != "" && name != "" {
		s.metrics["coredns_"+subsystem+"_"+name] = true
	}
}

// subsystems are the constants that name the plugins.
var subsystems = map[string]string{"roster": "pluginName", "etcdserver": "directiveName"}

// constants are the values of those that are known in a file.
func constants(file *ast.File) map[string]string {
	if name, ok := subsystems[file.Name.Name]; ok {
		return map[string]string{name: file.Name.Name}
	}
	return nil
}

var verb = regexp.MustCompile(`%[-+# 0]*[0-9.*]*[a-zA-Z]`)

// literal returns the value of a string that stands in the source, perhaps in
// several parts, with "…" in place of verbs of package fmt.
func literal(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return verb.ReplaceAllString(text, "…"), err == nil
	case *ast.BinaryExpr:
		left, ok := literal(e.X)
		if !ok {
			return "", false
		}
		right, ok := literal(e.Y)
		return left + right, ok && e.Op == token.ADD
	}
	return "", false
}

// document returns a file of the folder docs.
func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(harness.SourceRoot(), "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
