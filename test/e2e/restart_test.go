package e2e_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/harness"
)

// TestRestartKeepsLeases stops coredns with the etcd beside it and starts it again:
// what is registered under leases that are alive is still there, not anew.
func TestRestartKeepsLeases(t *testing.T) {
	t.Parallel()
	s := builtin(t)
	once := func(id string, flags ...string) {
		t.Helper()
		args := append([]string{"register", "orders", "--id", id, "--address", "127.0.0.1", "--port", "http:8080"}, flags...)
		if p, code := s.run(t, args...); code != 0 {
			t.Fatalf("%s: exit code %d, wrote:\n%s", p, code, p.Output())
		}
	}
	once("leased", "--once", "--lease", "120s")
	once("static", "--static")
	held := s.register(t, "orders", "held", "127.0.0.1", "--lease", "60s")
	created := s.created(t)
	if len(created) != 3 {
		t.Fatalf("in etcd: %v", created)
	}

	for range 2 {
		if code := s.dns.Stop(t); code != 0 {
			t.Errorf("coredns: exit code %d on TERM, want 0", code)
		}
		s.dns.Launch(t, builtinCorefile)
		s.dns.WaitReady(t)
		harness.Eventually(t, harness.Patience, "all in DNS", s.sees(t, "orders", "held", "leased", "static"))
		harness.Eventually(t, harness.Patience, "the same keys", func() error {
			return differ("create revisions", s.created(t), created)
		})
	}
	if code := held.Stop(t); code != 0 {
		t.Errorf("registrar: exit code %d on TERM, want 0", code)
	}
	harness.Eventually(t, unregisterBound, "the held one gone", s.sees(t, "orders", "leased", "static"))
}

// created returns the create revisions of all keys: a key that was lost and put
// again has another one.
func (s *system) created(t *testing.T) map[string]int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	resp, err := s.etcd.Get(ctx, "/roster/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	revisions := map[string]int64{}
	for _, kv := range resp.Kvs {
		revisions[string(kv.Key)] = kv.CreateRevision
	}
	return revisions
}

// TestReload changes the Corefile under a stream of queries: none fails, and the
// mirror is kept.
func TestReload(t *testing.T) {
	t.Parallel()
	for name, property := range map[string]string{"plain": "", "fastpath": "fastpath"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testReload(t, property)
		})
	}
}

func testReload(t *testing.T, property string) {
	t.Helper()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	s := external(t, e, property, "--endpoints", e.Endpoints[0])
	s.register(t, "orders", "a", "127.0.0.1", "--lease", "60s")
	harness.Eventually(t, harness.Patience, "a in DNS", s.sees(t, "orders", "a"))

	streams := startStreams(t, s, 4)
	const other = "other.internal:{{port \"dns\"}} {\n\tbind 127.0.0.1\n\twhoami\n}\n"
	for _, ttl := range []string{"7", "8", "9"} {
		streams.wait(t, 200)
		s.dns.Reload(t, corefile(e, property, "ttl "+ttl)+other)
		harness.Eventually(t, harness.Patience, "ttl "+ttl, func() error {
			return differ("ttl", fmt.Sprint(ttlOf(s.dns.Ask(t, srvName("orders"), dns.TypeSRV))), ttl)
		})
	}
	// A mistake changes nothing.
	s.dns.ReloadFails(t, corefile(e, property, "ttl 10", "no such property"))
	if got := ttlOf(s.dns.Ask(t, srvName("orders"), dns.TypeSRV)); got != 9 {
		t.Errorf("after a reload that failed: ttl %d, want 9", got)
	}
	streams.wait(t, 200)
	s.register(t, "orders", "b", "127.0.0.2")
	harness.Eventually(t, harness.Patience, "b in DNS", s.sees(t, "orders", "a", "b"))
	queries, err := streams.stop()
	if err != nil {
		t.Errorf("of %d queries one failed: %v", queries, err)
	}
	t.Logf("%d queries across 3 reloads and one that failed", queries)
	if lists := s.dns.Metrics(t).Sum("coredns_roster_lists_total"); lists != 1 {
		t.Errorf("%v lists, want 1: the mirror was unchanged", lists)
	}

	// Another prefix is another mirror.
	s.dns.Reload(t, corefile(e, property, "prefix /elsewhere"))
	harness.Eventually(t, harness.Patience, "the other registry", s.sees(t, "orders"))
}

func ttlOf(m *dns.Msg) uint32 {
	if len(m.Answer) == 0 {
		return 0
	}
	return m.Answer[0].Header().Ttl
}
