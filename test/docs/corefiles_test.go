package docs_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
	"github.com/rosterdns/roster/test/tour"
)

// TestCorefiles starts a server with every Corefile that a document shows, and
// with the repository's own. Only addresses, ports and files are others.
func TestCorefiles(t *testing.T) {
	t.Parallel()
	found := map[string]int{}
	for _, path := range documents(t) {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		name, err := filepath.Rel(harness.SourceRoot(), path)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(path) == "Corefile" {
			found[name]++
			t.Run(name, func(t *testing.T) { starts(t, string(text)) })
			continue
		}
		for _, b := range tour.Blocks(text) {
			if b.Language == "corefile" {
				found[name]++
				t.Run(fmt.Sprintf("%s:%d", name, b.Line), func(t *testing.T) { starts(t, b.Text) })
			}
		}
	}
	for _, name := range []string{"Corefile", "docs/deployment.md", "docs/migrate.md", "docs/operations.md", "plugin/roster/README.md", "build/etcdserver/README.md"} {
		if found[name] == 0 {
			t.Errorf("found no Corefile in %s", name)
		}
	}
}

// documents are the Markdown files and Corefiles of the repository.
func documents(t *testing.T) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(harness.SourceRoot(), func(path string, d fs.DirEntry, err error) error {
		switch name := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && isIgnored(name):
			return filepath.SkipDir
		case name == "Corefile" || strings.HasSuffix(name, ".md"):
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

func starts(t *testing.T, corefile string) {
	t.Parallel()
	c := harness.NewCoreDNS(t)
	c.Launch(t, adapt(t, corefile))
	c.WaitServing(t)
	c.WaitSignals(t)
	if code := c.Stop(t); code != 0 {
		t.Errorf("exit code %d after TERM, want 0", code)
	}
}

// adaption makes a Corefile one that can run here and now.
type adaption struct {
	t     *testing.T
	ports map[string]int // by what the Corefile has: host and port
	dir   string
	certs *harness.Certs
}

var urls = regexp.MustCompile(`(https?)://([^\s,/]+)`)

func adapt(t *testing.T, corefile string) string {
	t.Helper()
	a := adaption{t: t, ports: map[string]int{}, dir: t.TempDir(), certs: harness.NewCerts(t)}
	var out strings.Builder
	depth := 0
	for line := range strings.Lines(corefile) {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		opens := words[len(words)-1] == "{"
		switch {
		case depth == 0 && opens:
			line = a.keys(words[:len(words)-1]) + " {\n bind 127.0.0.1"
		case depth > 0 && words[0] != "bind":
			line = a.directive(words) + a.withDefault(words[0], opens, corefile)
		case depth > 0:
			line = ""
		}
		fmt.Fprintln(&out, line)
		if opens {
			depth++
		} else if words[0] == "}" {
			depth--
		}
	}
	return out.String()
}

// port is a free port that stands for an address of the Corefile.
func (a *adaption) port(address string) string {
	if _, ok := a.ports[address]; !ok {
		a.ports[address] = harness.FreePort(a.t)
	}
	return fmt.Sprint(a.ports[address])
}

// keys adapts the zones that a block serves.
func (a *adaption) keys(zones []string) string {
	for i, z := range zones {
		name, port, ok := strings.Cut(strings.TrimSuffix(z, ","), ":")
		if !ok {
			port = "53"
		}
		zones[i] = name + ":" + a.port("dns "+port)
	}
	return strings.Join(zones, " ")
}

// defaults are properties whose default is a port that can be taken here.
var defaults = map[string]string{"etcdserver": "listen_client", "roster": "endpoint"}

// withDefault is what states the default of a directive, whose block is open or
// yet to be opened. Where a Corefile states the property once it does so always.
func (a *adaption) withDefault(directive string, opens bool, corefile string) string {
	property, ok := defaults[directive]
	if !ok || strings.Contains(corefile, property) {
		return ""
	}
	stated := "\n" + property + " http://127.0.0.1:" + a.port("127.0.0.1:2379")
	if opens {
		return stated
	}
	return " {" + stated + "\n}"
}

// directive adapts a line within a block.
func (a *adaption) directive(words []string) string {
	args := words[1:]
	switch words[0] {
	case "ready", "prometheus", "health":
		address, block := words[0], ""
		if n := len(args) - 1; n >= 0 && args[n] == "{" {
			args, block = args[:n], " {"
		}
		if len(args) > 0 {
			address = args[0]
		}
		return words[0] + " 127.0.0.1:" + a.port(address) + block
	case "etcdserver":
		args[0] = filepath.Join(a.dir, "etcd")
	case "snapshot":
		args[0] = filepath.Join(a.dir, "snapshot")
	case "credentials_file":
		args[0] = filepath.Join(a.dir, "credentials")
		if err := os.WriteFile(args[0], []byte("user\npassword\n"), 0o600); err != nil {
			a.t.Fatal(err)
		}
	case "tls", "peer_tls":
		files := []string{a.certs.ServerCert, a.certs.ServerKey, a.certs.CA}
		if len(args) == 1 {
			files = files[2:]
		}
		copy(args, files)
	}
	line := strings.Join(slices.Concat(words[:1], args), " ")
	return urls.ReplaceAllStringFunc(line, func(u string) string {
		parts := urls.FindStringSubmatch(u)
		return parts[1] + "://127.0.0.1:" + a.port(parts[2])
	})
}
