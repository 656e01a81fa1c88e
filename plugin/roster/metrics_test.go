package roster

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
)

// TestResponses checks that every answer is counted once, by its result.
func TestResponses(t *testing.T) { // not parallel: it reads counters of the process
	live := serving(t, "roster {\n fallthrough team-b.svc.internal\n}", shop)
	live.Next = next()
	unsynced := servingRegistry(t, "roster", inState(storeOf(t, nil), mirror.Unsynced))
	hosts := serving(t, "roster", outside)
	hosts.upstream = found(t, dns.RcodeNameError, nil, nil)
	broken := serving(t, "roster", outside)
	broken.upstream = found(t, dns.RcodeServerFailure, nil, nil)
	refusing := serving(t, "roster", shop)
	results := []string{"success", "nodata", "nxdomain", "servfail", "refused", "fallthrough"}
	for _, tt := range []struct {
		r        *Roster
		question string
		want     string
	}{
		{live, "orders.default.svc.internal. A", "success"},
		{live, "svc.internal. SOA", "success"},
		{live, "_status.svc.internal. TXT", "success"},
		{hosts, "solo.default.svc.internal. A", "success"}, // the name exists; what it aliases is another's
		{live, "orders.default.svc.internal. MX", "nodata"},
		{live, "nope.default.svc.internal. A", "nxdomain"},
		{unsynced, "orders.default.svc.internal. A", "servfail"},
		{broken, "solo.default.svc.internal. A", "success"},
		{refusing, "example.org. A", "refused"},
		{live, "svc.internal. AXFR", "refused"},
		{live, "nope.team-b.svc.internal. A", "fallthrough"},
		{live, "example.org. A", ""},
	} {
		before := map[string]float64{}
		for _, r := range results {
			before[r] = testutil.ToFloat64(responses.WithLabelValues("", r))
		}
		ask(t, tt.r, query(tt.question), true)
		for _, r := range results {
			got, want := testutil.ToFloat64(responses.WithLabelValues("", r))-before[r], 0.0
			if r == tt.want {
				want = 1
			}
			if got != want {
				t.Errorf("%s counted %v times as %s, want %v", tt.question, got, r, want)
			}
		}
	}
}

// TestCollector checks what a scrape shows of replicas, among them two that
// differ in nothing that labels show.
func TestCollector(t *testing.T) {
	t.Parallel()
	p := newPool(logger)
	add := func(user string, vs values, namespaces ...string) {
		etcd := faulty.New()
		etcd.SetState(faulty.Down)
		c := &registryConfig{prefix: "/roster", namespaces: namespaces, etcd: etcdclient.Config{Endpoints: []string{"http://a:1"}, Username: user}}
		m := plantEtcd(t, p, c, etcd)
		t.Cleanup(func() { end(t, m) })
		for e := range storeOf(t, vs).Load().Entries() {
			apply(m.Store(), fixtureRevision, mirror.Event{Key: e.Key, Value: e.Value, ModRevision: 7, Restored: true})
		}
	}
	add("", shop)
	add("other", nil)
	add("", outside, "default", "team-b")
	for range 100 { // maps have no order
		err := testutil.CollectAndCompare(collector{p}, strings.NewReader(`
# HELP coredns_roster_instances Number of valid instances.
# TYPE coredns_roster_instances gauge
coredns_roster_instances{endpoint="http://a:1",namespaces="",prefix="/roster"} 22
coredns_roster_instances{endpoint="http://a:1",namespaces="default,team-b",prefix="/roster"} 9
# HELP coredns_roster_last_set_instances Number of expired instances served only because they were the last of their service.
# TYPE coredns_roster_last_set_instances gauge
coredns_roster_last_set_instances{endpoint="http://a:1",namespaces="",prefix="/roster"} 0
coredns_roster_last_set_instances{endpoint="http://a:1",namespaces="default,team-b",prefix="/roster"} 0
# HELP coredns_roster_mirror_state State of the replica: 0 unsynced, 1 live, 2 stale.
# TYPE coredns_roster_mirror_state gauge
coredns_roster_mirror_state{endpoint="http://a:1",namespaces="",prefix="/roster"} 0
coredns_roster_mirror_state{endpoint="http://a:1",namespaces="default,team-b",prefix="/roster"} 0
# HELP coredns_roster_revision Revision of etcd up to which the replica is complete.
# TYPE coredns_roster_revision gauge
coredns_roster_revision{endpoint="http://a:1",namespaces="",prefix="/roster"} 42
coredns_roster_revision{endpoint="http://a:1",namespaces="default,team-b",prefix="/roster"} 42
# HELP coredns_roster_revision_lag Number of revisions by which the replica is behind the latest known one of etcd.
# TYPE coredns_roster_revision_lag gauge
coredns_roster_revision_lag{endpoint="http://a:1",namespaces="",prefix="/roster"} 0
coredns_roster_revision_lag{endpoint="http://a:1",namespaces="default,team-b",prefix="/roster"} 0
# HELP coredns_roster_services Number of services that have an instance.
# TYPE coredns_roster_services gauge
coredns_roster_services{endpoint="http://a:1",namespaces="",prefix="/roster"} 11
coredns_roster_services{endpoint="http://a:1",namespaces="default,team-b",prefix="/roster"} 4
`))
		if err != nil {
			t.Fatal(err)
		}
	}
	if problems, err := testutil.CollectAndLint(collector{p}); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v, %v", problems, err)
	}
}

// TestAge checks that the time since the last contact shows once there was one.
func TestAge(t *testing.T) {
	t.Parallel()
	p := newPool(logger)
	defer end(t, plantIn(t, p, closedPort(t), shop))
	if n := testutil.CollectAndCount(collector{p}, "coredns_roster_age_seconds"); n != 1 {
		t.Errorf("%d ages", n)
	}
}

// TestObserver checks that each event counts under its own name.
func TestObserver(t *testing.T) {
	t.Parallel()
	o := observer{"http://observed:1", "/roster", "default"}
	counters := map[string]prometheus.Collector{
		"lists":    lists.WithLabelValues("start", o.endpoint, o.prefix, o.namespaces),
		"failures": failures.WithLabelValues("silent", o.endpoint, o.prefix, o.namespaces),
		"audits":   audits.WithLabelValues("failed", o.endpoint, o.prefix, o.namespaces),
		"skipped":  skipped.WithLabelValues("lease", o.endpoint, o.prefix, o.namespaces),
	}
	before := map[string]float64{}
	for name, c := range counters {
		before[name] = testutil.ToFloat64(c)
	}
	o.Listed(mirror.ReasonStart, 5, time.Second)
	o.Failed(mirror.ReasonSilent, errors.New("x"))
	o.Failed(mirror.ReasonSilent, errors.New("x"))
	o.AuditFailed(errors.New("x"))
	o.StateChanged(mirror.Status{})
	o.Skipped(services.SkipLease)
	for name, want := range map[string]float64{"lists": 1, "failures": 2, "audits": 1, "skipped": 1} {
		if got := testutil.ToFloat64(counters[name]) - before[name]; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
	if n := testutil.CollectAndCount(listSeconds); n == 0 {
		t.Error("the list's time was not observed")
	}
}
