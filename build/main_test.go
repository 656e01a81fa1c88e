package main

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
)

// stock are CoreDNS's own directives.
var stock = slices.Clone(dnsserver.Directives)

func TestMain(m *testing.M) {
	if directives, err := insertDirectives(stock); err == nil { // else TestDirectives fails
		dnsserver.Directives = directives
	}
	os.Exit(m.Run())
}

func TestDirectives(t *testing.T) {
	t.Parallel()
	got, err := insertDirectives(stock)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.Index(got, "etcdserver")
	if i < 0 || i+3 > len(got) || !slices.Equal(got[i:i+3], []string{"etcdserver", "roster", "etcd"}) {
		t.Errorf("want etcdserver, roster, etcd in this order in %q", got)
	}
	if rest := slices.Delete(slices.Clone(got), i, i+2); !slices.Equal(rest, stock) {
		t.Errorf("CoreDNS's own directives changed: %q", rest)
	}
	plugins := caddy.ListPlugins()["others"]
	for _, directive := range got[i : i+3] {
		if !slices.Contains(plugins, "dns."+directive) {
			t.Errorf("no plugin for the directive %q", directive)
		}
	}
}

func TestDirectivesWithoutEtcd(t *testing.T) {
	t.Parallel()
	if got, err := insertDirectives([]string{"cache", "forward"}); err == nil {
		t.Errorf("got %q, want an error", got)
	}
}

// TestCorefiles sets up, without starting anything, what users are told to write.
func TestCorefiles(t *testing.T) {
	root, err := os.ReadFile("../Corefile")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("etcdserver/README.md")
	if err != nil {
		t.Fatal(err)
	}
	corefiles := append(examples(string(readme)), string(root))
	if len(corefiles) < 2 {
		t.Fatal("no example in the README")
	}
	for _, corefile := range corefiles {
		input := caddy.CaddyfileInput{Filepath: "Corefile", Contents: []byte(corefile), ServerTypeName: "dns"}
		if err := caddy.ValidateAndExecuteDirectives(input, nil, true); err != nil {
			t.Errorf("%v in\n%s", err, corefile)
		}
	}
}

// examples returns the blocks of a README that are complete Corefiles.
func examples(readme string) []string {
	var found []string
	for i, block := range strings.Split(readme, "\n~~~") {
		if corefile, ok := strings.CutPrefix(block, " corefile\n"); ok && i%2 == 1 {
			found = append(found, corefile)
		}
	}
	return found
}
