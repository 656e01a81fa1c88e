package main

import (
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"go.etcd.io/etcd/client/pkg/v3/transport"
	"go.uber.org/zap"
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
	makeCertificates(t)
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

// makeCertificates makes the files that the examples name, in a folder of the test's own.
func makeCertificates(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	if _, err := transport.SelfCert(zap.NewNop(), ".", []string{"127.0.0.1"}, 1); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"server", "client", "peer"} {
		if err := errors.Join(os.Symlink("cert.pem", name+".pem"), os.Symlink("key.pem", name+"-key.pem")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("cert.pem", "ca.pem"); err != nil {
		t.Fatal(err)
	}
}

// TestClusterExample checks that the example of several members is one that other machines can use: each member serves
// clients at the address at which the others know it, and roster knows them all.
func TestClusterExample(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("etcdserver/README.md")
	if err != nil {
		t.Fatal(err)
	}
	clusters := 0
	for _, corefile := range examples(string(readme)) {
		properties := map[string][]string{}
		for line := range strings.Lines(corefile) {
			if words := strings.Fields(line); len(words) > 1 {
				properties[words[0]] = words[1:]
			}
		}
		if properties["initial_cluster"] == nil {
			continue
		}
		clusters++
		var members []string
		for member := range strings.SplitSeq(properties["initial_cluster"][0], ",") {
			_, peer, _ := strings.Cut(member, "=")
			members = append(members, strings.Replace(peer, ":2380", ":2379", 1))
		}
		if got := properties["endpoint"]; len(members) < 3 || !slices.Equal(got, members) {
			t.Errorf("roster knows %q, want %q", got, members)
		}
		if got := properties["listen_client"]; !slices.Equal(got, members[:1]) {
			t.Errorf("clients are served at %q, want %q", got, members[:1])
		}
	}
	if clusters == 0 {
		t.Error("found no example")
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
