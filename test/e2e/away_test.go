package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/harness"
)

// TestEtcdAway takes etcd away under a stream of queries: none fails, staleness
// shows, and what changed meanwhile is there after its return.
func TestEtcdAway(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		leave, comeBack func(*testing.T, *harness.Etcd)
	}{
		"killed": {
			func(t *testing.T, e *harness.Etcd) { t.Helper(); e.Kill(t) },
			func(t *testing.T, e *harness.Etcd) { t.Helper(); e.Restart(t) },
		},
		"paused": {
			func(t *testing.T, e *harness.Etcd) { t.Helper(); e.Pause(t) },
			func(t *testing.T, e *harness.Etcd) { t.Helper(); e.Continue(t) },
		},
		"emptied": {
			func(t *testing.T, e *harness.Etcd) { t.Helper(); e.Kill(t) },
			func(t *testing.T, e *harness.Etcd) { t.Helper(); e.Wipe(t); e.Restart(t) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := harness.StartEtcd(t, harness.EtcdOptions{})
			s := external(t, e, "", "--endpoints", e.Endpoints[0])
			a := s.register(t, "orders", "a", "127.0.0.1", "--lease", "12s")
			ghost := `{"addresses":["127.0.0.9"],"ports":[{"name":"http","port":8080}],"static":true}`
			if _, err := e.Client().Put(t.Context(), "/roster/default/orders/ghost", ghost); err != nil {
				t.Fatal(err)
			}
			harness.Eventually(t, harness.Patience, "both in DNS", s.sees(t, "orders", "a", "ghost"))

			streams := startStreams(t, s, 4)
			test.leave(t, e)
			harness.Eventually(t, harness.Patience, "DNS knowing that it is stale", s.state(t, "stale"))
			a.WaitOutput(t, harness.Patience, "lost contact with etcd", 1)
			if err := s.sees(t, "orders", "a", "ghost")(); err != nil {
				t.Errorf("while etcd is away: %v", err)
			}
			test.comeBack(t, e)
			took := harness.Eventually(t, harness.Patience, "DNS being live again", s.state(t, "live"))
			t.Logf("live %v after etcd served", took)
			a.WaitOutput(t, harness.Patience, "regained contact with etcd", 1)
			queries, err := streams.stop()
			if err != nil && name != "emptied" { // where the registry was empty for a moment
				t.Errorf("a query failed: %v", err)
			}
			t.Logf("%d queries", queries)

			if _, err := e.Client().Delete(t.Context(), "/roster/default/orders/ghost"); err != nil {
				t.Fatal(err)
			}
			s.register(t, "orders", "b", "127.0.0.2")
			harness.Eventually(t, harness.Patience, "the changes in DNS", s.sees(t, "orders", "a", "b"))
			s.agree(t, "orders", "a", "b")
		})
	}
}

// state is a condition: coredns says that its mirror is in the state.
func (s *system) state(t *testing.T, want string) func() error {
	t.Helper()
	return func() error {
		status := fmt.Sprint(harness.Records(s.dns.Ask(t, "_status."+zone, dns.TypeTXT).Answer))
		if strings.Contains(status, "state="+want) {
			return nil
		}
		return fmt.Errorf("_status is %s", status)
	}
}

// TestCompaction changes a registry while coredns can't see it, and compacts its
// history: coredns lists again, and keeps no ghosts.
func TestCompaction(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	s := external(t, e, "", "--endpoints", e.Endpoints[0])
	put := func(id string) int64 {
		t.Helper()
		value := `{"addresses":["127.0.0.9"],"ports":[{"name":"http","port":8080}],"static":true}`
		resp, err := e.Client().Put(t.Context(), "/roster/default/orders/"+id, value)
		if err != nil {
			t.Fatal(err)
		}
		return resp.Header.Revision
	}
	put("ghost")
	put("stays")
	harness.Eventually(t, harness.Patience, "both in DNS", s.sees(t, "orders", "ghost", "stays"))

	s.dns.Pause(t)
	e.Kill(t) // so that the watch breaks, and has to go on from the past
	e.Restart(t)
	if _, err := e.Client().Delete(t.Context(), "/roster/default/orders/ghost"); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Client().Compact(t.Context(), put("new"), clientv3.WithCompactPhysical()); err != nil {
		t.Fatal(err)
	}
	s.dns.Continue(t)
	took := harness.Eventually(t, harness.Patience, "DNS as etcd is", s.sees(t, "orders", "new", "stays"))
	t.Logf("equal after %v", took)
	lists := s.dns.Metrics(t)
	if lists.Sum("coredns_roster_lists_total") < 2 {
		t.Error("nothing was listed after the compaction")
	}
	// A connection that takes its time to come back is a reason to list of its own.
	if harness.Timing && lists.Sum("coredns_roster_lists_total", "reason", "compacted") == 0 {
		t.Errorf("lists by reason: %v, want one after the compaction", lists.By("coredns_roster_lists_total", "reason"))
	}
}

// TestTokenExpiry lets etcd's tokens of log-ins run out: registrar and coredns
// go on.
func TestTokenExpiry(t *testing.T) {
	t.Parallel()
	const ttl = 2 // seconds; etcd's default is 300
	e := harness.StartEtcd(t, harness.EtcdOptions{Auth: true, Args: []string{fmt.Sprintf("--auth-token-ttl=%d", ttl)}})
	s := external(t, e, fmt.Sprintf("credentials %s %s", harness.Reader.Name, harness.Reader.Password), writerFlags(t, e)...)
	s.register(t, "orders", "a", "127.0.0.1")
	harness.Eventually(t, harness.Patience, "a in DNS", s.sees(t, "orders", "a"))
	streams := startStreams(t, s, 2)
	created := s.created(t)
	for i := range 3 {
		elapse(t, time.Now(), (ttl+1)*time.Second)
		id := fmt.Sprintf("b%d", i)
		b := s.register(t, "orders", id, "127.0.0.2")
		harness.Eventually(t, harness.Patience, id+" in DNS", s.sees(t, "orders", "a", id))
		b.Stop(t)
		harness.Eventually(t, harness.Patience, id+" gone", s.sees(t, "orders", "a"))
	}
	if _, err := streams.stop(); err != nil {
		t.Errorf("a query failed: %v", err)
	}
	if err := differ("create revision of a", s.created(t), created); err != nil {
		t.Error(err)
	}
}
