package services

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/rosterdns/roster/internal/mirror"
)

// TestOrphans: services that hold nothing but overrides are in no
// reader's way, however many there are, and their overrides count as soon as an
// instance comes.
func TestOrphans(t *testing.T) {
	t.Parallel()
	s := New(slog.New(slog.DiscardHandler), nil)
	const many = 10_000
	var events []mirror.Event
	for i := range many {
		events = append(events, mirror.Event{Key: fmt.Sprintf("n/s%d/_status/a", i), Value: []byte(`{"status":"down"}`), ModRevision: 1})
	}
	apply(s, commit{Events: events, Revision: 1})
	if n := s.Load().Services(); n != 0 {
		t.Errorf("readers walk over %d services without an instance", n)
	}
	if s.Load().HasNamespace("n") || len(s.orphans.byKey) != many {
		t.Errorf("the namespace exists: %v, %d services wait", s.Load().HasNamespace("n"), len(s.orphans.byKey))
	}

	instance := mirror.Event{Key: "n/s7/a", Value: []byte(`{"addresses":["10.0.0.1"],"static":true}`), ModRevision: 2}
	apply(s, commit{Events: []mirror.Event{instance}, Revision: 2})
	if svc := s.Load().Service("n", "s7"); svc == nil || svc.Instances()[0].Up() || len(s.orphans.byKey) != many-1 {
		t.Fatalf("service %+v, %d wait; want one that is down, and %d", svc, len(s.orphans.byKey), many-1)
	}
	apply(s, commit{Events: []mirror.Event{{Key: "n/s7/a", Deleted: true, ModRevision: 3}}, Revision: 3})
	if g := s.Load(); g.HasNamespace("n") || g.Services() != 0 || g.Instances() != 0 || len(s.orphans.byKey) != many {
		t.Errorf("after the instance went: %d services, %d instances, %d wait", g.Services(), g.Instances(), len(s.orphans.byKey))
	}
	for i := range events {
		events[i].Deleted, events[i].ModRevision = true, 4
	}
	apply(s, commit{Events: events, Revision: 4})
	if len(s.orphans.byKey) != 0 {
		t.Errorf("%d services wait for overrides that are gone", len(s.orphans.byKey))
	}
}

// TestTooManyOrphans: overrides without an instance are bounded; what is beyond
// is counted, and told once.
func TestTooManyOrphans(t *testing.T) {
	t.Parallel()
	s, sk := newStore(t)
	apply(s, batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/_status/a", `{"status":"draining"}`)))
	before := s.Load().Service("n", "s")
	const beyond = 3
	var events []mirror.Event
	for i := range maxOrphans + beyond {
		events = append(events, put(4, fmt.Sprintf("n/s/_status/o%d", i), `{"status":"down"}`))
	}
	apply(s, batch(events...))
	if n := len(s.orphans.byKey); n != maxOrphans || sk.counts[SkipOverride] != beyond {
		t.Errorf("%d are remembered and %d skipped, want %d and %d", n, sk.counts[SkipOverride], maxOrphans, beyond)
	}
	if lines := sk.lines(); len(lines) != 1 || !strings.Contains(lines[0], "key=n/s/_status/o") || !strings.Contains(lines[0], "too many") {
		t.Errorf("logged %q, want one line", lines)
	}
	if s.Load().Service("n", "s") != before {
		t.Error("overrides of others made a new version of the service")
	}
	apply(s, batch(put(5, "n/s/o0", value(1, "")), put(6, "n/s/_status/more", `{"status":"down"}`)))
	if in := s.Load().Service("n", "s").Instance("o0"); in.Up() || sk.counts[SkipOverride] != beyond {
		t.Errorf("%+v; skipped %v: one has room again", in, sk.counts)
	}
}

// TestTooManyOrphanPolicies: policies of services that don't exist are bounded as
// overrides are.
func TestTooManyOrphanPolicies(t *testing.T) {
	t.Parallel()
	s, sk := newStore(t)
	const beyond = 3
	var events []mirror.Event
	for i := range maxOrphans + beyond {
		events = append(events, put(4, fmt.Sprintf("n/s%d/_policy", i), `{"ttl":1}`))
	}
	apply(s, batch(events...))
	if n := len(s.policies.byKey); n != maxOrphans || sk.counts[SkipPolicy] != beyond {
		t.Errorf("%d are remembered and %d skipped, want %d and %d", n, sk.counts[SkipPolicy], maxOrphans, beyond)
	}
	if lines := sk.lines(); len(lines) != 1 || !strings.Contains(lines[0], "/_policy") || !strings.Contains(lines[0], "too many") {
		t.Errorf("logged %q, want one line", lines)
	}
	if g := s.Load(); g.Services() != 0 || g.HasNamespace("n") {
		t.Errorf("%d services exist by such a policy", g.Services())
	}
	for i := range events {
		events[i] = del(5, events[i].Key)
	}
	apply(s, batch(events...))
	if len(s.policies.byKey) != 0 || sk.counts[SkipPolicy] != beyond {
		t.Errorf("%d are remembered after all were deleted", len(s.policies.byKey))
	}
}

// TestOrphanPolicyAfterARestore: what is remembered has no revision that etcd has
// not reached.
func TestOrphanPolicyAfterARestore(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	apply(s, batch(put(90, "n/s/_policy", `{"ttl":1}`)))
	apply(s, commit{Revision: 10, Regressed: true})
	apply(s, batch(put(11, "n/s/a", value(1, ""))))
	if got := s.Load().Service("n", "s").Revision; got != 11 {
		t.Errorf("revision %d, want 11", got)
	}
}
