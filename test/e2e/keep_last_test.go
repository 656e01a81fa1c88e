package e2e_test

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

const (
	// keepLong is a keep_last that no test sees the end of.
	keepLong = "keep_last 1h"
	// keepShort is one that tests wait for.
	keepShort = 2 * time.Second
	// keepBound is how much longer than that last instances can be served: they are
	// looked after once a second.
	keepBound = 2 * time.Second
)

// keeping is a registry in an etcd, whose DNS server has further properties.
func keeping(t *testing.T, properties ...string) (*harness.Etcd, *system) {
	t.Helper()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	c := harness.StartCoreDNS(t, corefile(e, properties...))
	return e, &system{dns: c, flags: []string{"--endpoints", e.Endpoints[0]}, etcd: e.Client()}
}

// lastSets is a condition: so many instances are served as the last of their service.
func (s *system) lastSets(t *testing.T, want int) func() error {
	t.Helper()
	return func() error {
		return differ("instances of last sets", s.dns.Metrics(t).Sum("coredns_roster_last_set_instances"), want)
	}
}

// killLastOf kills the registrar of a service's last instance, and waits until it is served
// though etcd has it no more.
func (s *system) killLastOf(t *testing.T, p *harness.Process) {
	t.Helper()
	p.Kill()
	took := harness.Eventually(t, harness.Patience, "the last set", s.lastSets(t, 1))
	harness.Within(t, "expiry after kill -9", took, expiryBound)
}

// killLast kills the last registrar of orders, and waits until its instance is served
// though etcd has it no more.
func (s *system) killLast(t *testing.T, p *harness.Process, id string) {
	t.Helper()
	s.killLastOf(t, p)
	if got := s.get(t, "orders"); len(got) > 0 {
		t.Errorf("get shows %v, want none: the library has no keep_last of its own", got)
	}
	if err := s.sees(t, "orders", id)(); err != nil {
		t.Error(err)
	}
}

// TestKeepLast kills the registrars of a service: of two, one goes when its lease
// expires. The last one stays for the time that the policy, else the Corefile,
// states.
func TestKeepLast(t *testing.T) {
	t.Parallel()
	_, s := keeping(t, keepLong)
	a, b := s.register(t, "orders", "a", "127.0.0.1"), s.register(t, "orders", "b", "127.0.0.2")
	s.answers(t, "both in DNS", "orders", "a", "b")
	a.Kill()
	took := harness.Eventually(t, harness.Patience, "a gone from DNS", s.sees(t, "orders", "b"))
	harness.Within(t, "going from DNS after kill -9 beside another", took, expiryBound)
	s.killLast(t, b, "b")

	start := time.Now()
	s.putPolicy(t, "orders", `{"keep_last":2}`)
	harness.Eventually(t, harness.Patience, "b gone after the policy's time", s.rcode(t, "orders", dns.RcodeNameError))
	took = time.Since(start)
	t.Logf("gone %v after the policy", took)
	harness.Within(t, "the policy's keep_last", took, keepShort+keepBound)
	if harness.Timing && took < keepShort-time.Second/10 {
		t.Errorf("gone %v after the policy, want at least %v", took, keepShort)
	}
	if err := s.lastSets(t, 0)(); err != nil {
		t.Error(err)
	}
	s.dns.WaitOutput(t, harness.Patience, "removed the last instances of services: none returned in time", 1)
}

// TestKeepLastEnds: the Corefile's time ends by itself.
func TestKeepLastEnds(t *testing.T) {
	t.Parallel()
	_, s := keeping(t, "keep_last "+keepShort.String())
	a := s.register(t, "orders", "a", "127.0.0.1")
	s.answers(t, "a in DNS", "orders", "a")
	a.Kill()
	s.dns.WaitOutput(t, harness.Patience, "the last instances of a service expired: serving them for a while", 1)
	took := harness.Eventually(t, harness.Patience, "a gone from DNS", s.rcode(t, "orders", dns.RcodeNameError))
	t.Logf("gone %v after it expired", took)
	harness.Within(t, "keep_last", took, keepShort+keepBound)
	if n := s.dns.Metrics(t).Sum("coredns_roster_last_sets_total"); n != 1 {
		t.Errorf("%v last sets, want 1", n)
	}
	s.agree(t, "orders")
}

// TestKeepLastUnregistered: what is unregistered, or taken out of service, goes at
// once, even if it is the last.
func TestKeepLastUnregistered(t *testing.T) {
	t.Parallel()
	_, s := keeping(t, keepLong)
	a := s.register(t, "orders", "a", "127.0.0.1")
	s.answers(t, "a in DNS", "orders", "a")
	if code := a.Stop(t); code != 0 {
		t.Errorf("registrar: exit code %d on TERM, want 0", code)
	}
	took := harness.Eventually(t, harness.Patience, "a gone from DNS", s.rcode(t, "orders", dns.RcodeNameError))
	harness.Within(t, "going from DNS after TERM", took, unregisterBound)
	if m := s.dns.Metrics(t); m.Sum("coredns_roster_last_sets_total") != 0 {
		t.Error("what was unregistered was a last set")
	}

	s.killLast(t, s.register(t, "orders", "b", "127.0.0.2"), "b")
	s.write(t, "orders/_status/b", `{"status":"down"}`)
	took = harness.Eventually(t, harness.Patience, "b gone by its override", s.rcode(t, "orders", dns.RcodeNameError))
	harness.Within(t, "an override of a last set", took, visibleBound)
}

// TestKeepLastReturns: an instance that is up takes the place of a last set.
func TestKeepLastReturns(t *testing.T) {
	t.Parallel()
	_, s := keeping(t, keepLong)
	s.killLast(t, s.register(t, "orders", "a", "127.0.0.1"), "a")
	b := s.register(t, "orders", "b", "127.0.0.2")
	s.answers(t, "b alone", "orders", "b")
	s.killLast(t, b, "b")
	s.register(t, "orders", "b", "127.0.0.3")
	harness.Eventually(t, harness.Patience, "b back", s.lastSets(t, 0))
	s.agree(t, "orders", "b")
}

// TestKeepLastThroughRestart restarts the server while etcd is away: it answers with
// the last set that is in its snapshot, and goes on when etcd is back. A reload that
// removes keep_last ends it.
func TestKeepLastThroughRestart(t *testing.T) {
	t.Parallel()
	snapshot := "snapshot " + filepath.Join(t.TempDir(), "snapshot")
	e, s := keeping(t, keepLong, snapshot)
	s.killLast(t, s.register(t, "orders", "a", "127.0.0.1"), "a")

	e.Kill(t)
	if code := s.dns.Stop(t); code != 0 {
		t.Errorf("coredns: exit code %d on TERM, want 0", code)
	}
	s.dns.Launch(t, corefile(e, keepLong, snapshot))
	s.dns.WaitReady(t)
	served := func(when string) {
		t.Helper()
		if err := errors.Join(s.sees(t, "orders", "a")(), s.lastSets(t, 1)()); err != nil {
			t.Errorf("%s: %v", when, err)
		}
	}
	served("after a restart without etcd")
	s.dns.Reload(t, corefile(e, keepLong, snapshot, "snapshot_max_age 1h"))
	served("after a reload without etcd")
	e.Restart(t)
	harness.Eventually(t, harness.Patience, "contact with etcd", s.state(t, "live"))
	served("in contact with etcd again")

	s.dns.Reload(t, corefile(e, snapshot))
	harness.Eventually(t, harness.Patience, "the end of keep_last", s.rcode(t, "orders", dns.RcodeNameError))
}

// TestKeepLastBeforeFailover: a last set answers for its service, so that failover
// comes after it, or at once where the policy says so.
func TestKeepLastBeforeFailover(t *testing.T) {
	t.Parallel()
	_, s := keeping(t, keepLong)
	s.register(t, "backup", "spare", "127.0.0.9")
	const failover = `"failover":["default/backup"]`
	s.putPolicy(t, "orders", "{"+failover+"}")
	a := s.register(t, "orders", "a", "127.0.0.1")
	s.answers(t, "a in DNS", "orders", "a")
	a.Kill()
	harness.Eventually(t, harness.Patience, "the last set of orders", s.lastSets(t, 1))
	if err := s.sees(t, "orders", "a")(); err != nil {
		t.Error(err)
	}
	s.putPolicy(t, "orders", `{"keep_last":0,`+failover+"}")
	s.answers(t, "failover", "orders", "spare")
}
