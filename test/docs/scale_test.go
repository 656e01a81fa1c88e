package docs_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
	"github.com/rosterdns/roster/test/tour"
)

// scaleBlock is the block of docs/scale.md with a directive.
func scaleBlock(t *testing.T, directive string) string {
	t.Helper()
	for _, b := range tour.Blocks([]byte(document(t, "scale.md"))) {
		if b.Directive == directive {
			return b.Text
		}
	}
	t.Fatalf("docs/scale.md has no block test:%s", directive)
	return ""
}

var blockOpens = regexp.MustCompile(`(?m)^(\S+) \{$`)

// serveScale starts a server with a Corefile of docs/scale.md, whose etcds are others.
func serveScale(t *testing.T, corefile string, endpoints ...string) *harness.CoreDNS {
	t.Helper()
	corefile = strings.NewReplacer(endpoints...).Replace(corefile)
	c := harness.StartCoreDNS(t, blockOpens.ReplaceAllString(corefile, `$1:{{port "dns"}} {
	bind 127.0.0.1
	ready 127.0.0.1:{{port "ready"}}`))
	for _, log := range []string{"[ERROR]", "[WARNING]"} {
		if lines := harness.Lines(c.Output(), log); len(lines) > 0 {
			t.Errorf("logged %q", lines)
		}
	}
	return c
}

// shows waits until an instance that is written to an etcd is in DNS.
func shows(t *testing.T, e *harness.Etcd, c *harness.CoreDNS, namespace, id string) {
	t.Helper()
	if _, err := e.Client().Put(t.Context(), "/roster/"+namespace+"/orders/"+id, `{"addresses":["192.0.2.1"],"static":true}`); err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("%s.orders.%s.svc.internal.", id, namespace)
	harness.Eventually(t, harness.Patience, name, func() error { return harness.True(len(c.Ask(t, name, dns.TypeA).Answer) == 1) })
}

// TestScaleProxy starts etcd's gRPC proxy by the command of docs/scale.md, and a server behind
// it by the Corefile: it is live for longer than one without contact, and shows changes.
func TestScaleProxy(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	addr := harness.FreeAddr(t)
	command := strings.NewReplacer("\\\n", "", "http://etcd-1.example.com:2379", e.Endpoints[0], "10.0.1.5:2379", addr).Replace(scaleBlock(t, "proxy"))
	args := strings.Fields(command)
	harness.Start(t, harness.Command{Name: "grpc-proxy", Path: harness.Binary(t, args[0]), Args: args[1:], Dir: t.TempDir()})
	c := serveScale(t, scaleBlock(t, "proxy-server"), "http://10.0.1.5:2379", "http://"+addr)
	shows(t, e, c, "default", "a")
	harness.Elapse(t, 15*time.Second) // longer than a replica without contact is live
	harness.Eventually(t, time.Second, "the replica being live", harness.MirrorState(t, c.Addr(t), "svc.internal.", "live"))
	shows(t, e, c, "default", "b")
}

// TestScaleClusters starts a server by the Corefile of docs/scale.md that reads each namespace
// of a zone from a cluster of its own.
func TestScaleClusters(t *testing.T) {
	t.Parallel()
	first, second := harness.StartEtcd(t, harness.EtcdOptions{}), harness.StartEtcd(t, harness.EtcdOptions{})
	c := serveScale(t, scaleBlock(t, "clusters"), "http://etcd-a.example.com:2379", first.Endpoints[0], "http://etcd-b.example.com:2379", second.Endpoints[0])
	shows(t, first, c, "default", "a")
	shows(t, second, c, "jobs", "a")
	// A name of the one namespace is not looked for in the cluster of the other.
	if m := c.Ask(t, "b.orders.jobs.svc.internal.", dns.TypeA); m.Rcode != dns.RcodeNameError || !m.Authoritative {
		t.Errorf("a name that doesn't exist: %v", m)
	}
}
