package deps_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/rosterdns/roster"

// Modules that some parts of this one keep out, by the start of their paths.
var (
	coredns = []string{"github.com/coredns/"}
	etcd    = []string{"go.etcd.io/", "google.golang.org/grpc"}
	// heavy is what a program that registers itself must not be made to link.
	heavy = []string{"github.com/coredns/", "github.com/miekg/dns", "codeberg.org/miekg/dns", "github.com/prometheus/", "github.com/spf13/cobra"}
)

// layers orders the packages of the module, paths below its own, from the
// lowest. A package imports from lower layers, and from its own within one
// pattern. "dir/..." is dir and all below it.
var layers = [][]string{
	{"catalog"},
	{"internal/mirror"},
	{"internal/services", "internal/memkv/..."},
	{"internal/replica"},
	{"registrar/...", "plugin/..."},
	{"cmd/..."},
}

// shared holds the small parts that are in no layer. They stand right above the
// lowest: they import catalog at most, and every other layer may import them.
const shared = "internal/..."

// required are packages without which the rules would hold for lack of subjects.
var required = []string{"catalog", "internal/mirror", "internal/services", "internal/replica", "internal/memkv"}

func TestImports(t *testing.T) {
	t.Parallel()
	g := load(t)
	for _, p := range required {
		if len(g[module+"/"+p].GoFiles) == 0 {
			t.Errorf("go list finds no package %s", p)
		}
	}
	for _, violation := range check(g) {
		t.Error(violation)
	}
}

// check returns the violations of all import rules, in order of packages.
func check(g graph) []string {
	var found []string
	for _, path := range g.own() {
		p := strings.TrimPrefix(path, module+"/")
		say := func(chain []string, rule string) {
			if chain != nil {
				found = append(found, strings.Join(chain, " -> ")+": "+rule)
			}
		}
		if p == "catalog" {
			say(g.chain(path, beyondJSON), "catalog depends on the standard library and go-json-experiment/json alone")
		}
		if isLibrary(p) {
			say(g.chain(path, under(heavy)), "the libraries reach none of CoreDNS, miekg/dns, prometheus, cobra")
		}
		if p == "registrar/dns" {
			say(g.chain(path, under(etcd)), "the driver dns is for places without etcd: it links none of it")
		}
		if !matches("plugin/...", p) {
			say(g.chain(path, under(coredns)), "CoreDNS is for plugin, build and test only")
		}
		for _, imported := range g[path].Imports {
			q, ours := strings.CutPrefix(imported, module+"/")
			if !ours {
				continue
			}
			if rule := mayImport(p, q); rule != "" {
				say([]string{path, imported}, rule)
			}
		}
	}
	return found
}

// isLibrary reports whether p is among what programs link to register
// themselves, or to look others up, without asking DNS.
func isLibrary(p string) bool {
	return slices.Contains([]string{
		"catalog", "internal/mirror", "internal/services", "internal/memkv", "internal/replica", "registrar", "registrar/etcd", "registrar/memory",
	}, p) || matches("registrar/internal/...", p)
}

// mayImport returns "" if package p may import package q by the layers, else
// the rule against it.
func mayImport(p, q string) string {
	from, fromPattern := layerOf(p)
	to, toPattern := layerOf(q)
	switch {
	case fromPattern == "" || toPattern == "":
		return "one of them is in no layer: give it a place in internal/deps"
	case to < from, to == from && fromPattern == toPattern:
		return ""
	}
	return "imports point down only"
}

// layerOf returns the layer of a package and the pattern that puts it there,
// which is empty for a package without a place. Layers have even numbers, shared
// the one above the lowest.
func layerOf(p string) (layer int, pattern string) {
	for i, patterns := range layers {
		for _, pattern := range patterns {
			if matches(pattern, p) {
				return 2 * i, pattern
			}
		}
	}
	if matches(shared, p) {
		return 1, shared
	}
	return 0, ""
}

func matches(pattern, p string) bool {
	tree, isTree := strings.CutSuffix(pattern, "/...")
	return p == tree || isTree && strings.HasPrefix(p, tree+"/")
}

// beyondJSON reports whether p is neither of the standard library nor of what
// becomes its encoding/json/v2 in Go 1.27.
func beyondJSON(p pkg) bool {
	return !p.Standard && !under([]string{"github.com/go-json-experiment/json"})(p)
}

func under(prefixes []string) func(pkg) bool {
	return func(p pkg) bool {
		return slices.ContainsFunc(prefixes, func(prefix string) bool {
			return strings.HasPrefix(p.ImportPath+"/", strings.TrimSuffix(prefix, "/")+"/")
		})
	}
}

// TestEachPackageHasALayer fails for a new top-level folder: somebody has to
// say where it belongs.
func TestEachPackageHasALayer(t *testing.T) {
	t.Parallel()
	for _, path := range load(t).own() {
		if _, pattern := layerOf(strings.TrimPrefix(path, module+"/")); pattern == "" {
			t.Errorf("%s is in no layer: give it a place in internal/deps", path)
		}
	}
}

// TestCheckFinds shows for each rule an import that breaks it, and some that
// break none.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		edges []string // "importer imported", paths below the module or whole
		want  string   // part of the one violation; empty: none
	}{
		{"nothing", nil, ""},
		{"as designed", []string{
			"internal/mirror catalog", "internal/services internal/mirror", "internal/services catalog", "internal/mirror internal/backoff", "internal/backoff math/rand",
			"registrar catalog", "registrar/etcd registrar", "registrar/etcd internal/services", "plugin/roster internal/mirror", "plugin/roster github.com/coredns/caddy",
			"plugin/roster github.com/miekg/dns", "plugin/roster github.com/prometheus/client_golang/prometheus", "cmd/registrar github.com/spf13/cobra",
			"cmd/registrar registrar/etcd", "registrar/dns github.com/miekg/dns", "registrar/etcd go.etcd.io/etcd/client/v3",
		}, ""},
		{"catalog on JSON", []string{"catalog github.com/go-json-experiment/json/jsontext", "github.com/go-json-experiment/json/jsontext math/rand"}, ""},
		{"catalog beyond the standard library", []string{"catalog go.uber.org/zap"}, "catalog depends on the standard library"},
		{"a library reaches miekg/dns", []string{"registrar/memory example.com/x", "example.com/x github.com/miekg/dns"}, "registrar/memory -> example.com/x -> github.com/miekg/dns: "},
		{"a library reaches its successor", []string{"registrar codeberg.org/miekg/dns"}, "the libraries reach none"},
		{"a library reaches prometheus", []string{"registrar/etcd github.com/prometheus/client_golang/prometheus"}, "the libraries reach none"},
		{"a library reaches cobra", []string{"registrar github.com/spf13/cobra"}, "the libraries reach none"},
		{"alike in name", []string{"registrar github.com/miekg/dnsx"}, ""},
		{"the command reaches CoreDNS", []string{"cmd/registrar example.com/x", "example.com/x github.com/coredns/coredns/plugin"}, "CoreDNS is for plugin"},
		{"a driver for DNS reaches CoreDNS", []string{"registrar/dns github.com/coredns/coredns/plugin"}, "CoreDNS is for plugin"},
		{"a driver for DNS reaches etcd's client", []string{"registrar/dns registrar", "registrar/dns example.com/x", "example.com/x go.etcd.io/etcd/client/v3"}, "links none of it"},
		{"mirror on services", []string{"internal/mirror internal/services"}, "imports point down only"},
		{"services on the registrar", []string{"internal/services registrar"}, "imports point down only"},
		{"services on memkv", []string{"internal/services internal/memkv"}, "imports point down only"},
		{"replica on the registrar", []string{"internal/replica registrar"}, "imports point down only"},
		{"drivers on what is below", []string{
			"registrar/memory internal/memkv", "registrar/internal/driver internal/replica", "internal/replica internal/services", "internal/memkv internal/mirror",
		}, ""},
		{"what drivers share reaches prometheus", []string{"registrar/internal/driver github.com/prometheus/client_golang/prometheus"}, "the libraries reach none"},
		{"shared on mirror", []string{"internal/backoff internal/mirror"}, "imports point down only"},
		{"shared on catalog", []string{"internal/backoff catalog"}, ""},
		{"registrar on the plugin", []string{"registrar/etcd plugin/roster"}, "imports point down only"},
		{"plugin on the registrar", []string{"plugin/roster registrar"}, "imports point down only"},
		{"library on the command", []string{"plugin/roster cmd/registrar"}, "imports point down only"},
		{"no place", []string{"extra catalog"}, "no layer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := check(graphOf(tt.edges))
			switch {
			case tt.want == "" && len(got) > 0:
				t.Errorf("violations found: %q", got)
			case tt.want != "" && (len(got) != 1 || !strings.Contains(got[0], tt.want)):
				t.Errorf("found %q, want one with %q", got, tt.want)
			}
		})
	}
}

func graphOf(edges []string) graph {
	g := graph{}
	for _, edge := range edges {
		from, to, _ := strings.Cut(edge, " ")
		var names [2]string
		for i, name := range []string{from, to} {
			first, _, _ := strings.Cut(name, "/")
			standard := first == "math"
			if !standard && !strings.Contains(first, ".") {
				name = module + "/" + name
			}
			p := g[name]
			p.ImportPath, p.Standard = name, standard
			g[name], names[i] = p, name
		}
		p := g[names[0]]
		p.Imports = append(p.Imports, names[1])
		g[names[0]] = p
	}
	return g
}

// TestNoReplace checks the root module: with a replace directive nobody could
// install the command by its path and version.
func TestNoReplace(t *testing.T) {
	t.Parallel()
	var mod struct {
		Module  struct{ Path string }
		Replace []struct{ Old struct{ Path string } }
		Exclude []struct{ Path string }
	}
	if err := json.Unmarshal(run(t, "mod", "edit", "-json"), &mod); err != nil {
		t.Fatal(err)
	}
	if mod.Module.Path != module {
		t.Errorf("go.mod is that of %q, want %s", mod.Module.Path, module)
	}
	for _, r := range mod.Replace {
		t.Errorf("go.mod replaces %s", r.Old.Path)
	}
	for _, e := range mod.Exclude {
		t.Errorf("go.mod excludes %s", e.Path)
	}
}
