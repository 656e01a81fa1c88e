package services

import (
	"bytes"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// snapshotOf returns what a snapshot would have of a guarded registry.
func snapshotOf(g *Guard) (*Generation, []snapshot.Entry) {
	gen, sequence := g.Snapshot()
	var entries []snapshot.Entry
	for e := range sequence {
		e.Value = bytes.Clone(e.Value)
		entries = append(entries, e)
	}
	return gen, entries
}

// withoutErrors is how a snapshot that is well yields its entries.
func withoutErrors(entries []snapshot.Entry) iter.Seq2[snapshot.Entry, error] {
	return func(yield func(snapshot.Entry, error) bool) {
		for _, e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// restart starts a guarded registry from what another has, as from a snapshot.
func (g *guarded) restart() {
	g.t.Helper()
	g.stop()
	_, entries := snapshotOf(g.Guard)
	g.start(g.percent)
	var expired []snapshot.Entry
	events := slices.Collect(Restored(withoutErrors(entries), &expired))
	apply(g, commit{Events: events, Revision: g.revision})
	g.Restore(expired)
}

// list applies the first list after a restart, which lacks instances.
func (g *guarded) list(lacks func(i int) bool) {
	g.revision++
	p := pager{View: g}
	last := commit{Revision: g.revision}
	for i := range guardedInstances {
		if lacks(i) {
			last.Events = append(last.Events, del(g.revision, key(i)))
		} else {
			p.apply(commit{Events: []mirror.Event{put(int64(1+i), key(i), value(1, ""))}})
		}
	}
	p.apply(last)
}

func below(n int) func(int) bool { return func(i int) bool { return i < n } }

// TestGuardAcrossRestarts: protection has one end, however often the server
// starts anew from its snapshot.
func TestGuardAcrossRestarts(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		g.expire(0, 60)
		for range 3 {
			g.passed(3 * time.Minute)
			g.restart()
			g.want(100, 60)
			g.list(below(60))
			g.want(100, 60)
		}
		g.passed(time.Minute + guardTick)
		g.want(40, 0)
		if g.trips != 1 {
			t.Errorf("tripped %d times", g.trips)
		}
		g.passed(time.Hour)
		if len(g.expired) != 0 || len(g.restored) != 0 || g.unserved != 0 {
			t.Errorf("remembered: %d expired, %d restored, unserved %d", len(g.expired), len(g.restored), g.unserved)
		}
	})
}

// TestGuardAfterARestart: what is back is protected no more, what returns when its time is over
// goes with the list, and while etcd is away all stay.
func TestGuardAfterARestart(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		g.expire(0, 60)
		g.restart()
		g.list(below(50))
		g.want(100, 50)
		g.restart()
		g.passed(11 * time.Minute)
		g.want(100, 50)
		g.restart() // what is not known yet is protected again
		g.want(100, 50)
		g.list(below(40))
		g.want(60, 0)
		g.expire(40, 100) // a mass of its own
		g.want(60, 60)
	})
}

// TestGuardOfAMassAcrossARestart: a mass of which a part expires right before a
// restart and the rest right after is one, which is told of once.
func TestGuardOfAMassAcrossARestart(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		g.expire(0, 65)
		g.restart()
		g.list(below(65))
		g.want(100, 65)
		g.passed(guardWindow / 2)
		g.expire(65, 90) // too few by themselves
		g.want(100, 90)
		g.passed(guardHold + guardTick)
		g.want(100, 90)
		if g.trips != 1 {
			t.Errorf("tripped %d times", g.trips)
		}
		g.passed(guardWindow)
		g.expire(90, 95)
		g.passed(guardHold + guardTick)
		g.want(95, 90)
		g.passed(10 * time.Minute)
		g.want(5, 0)
		g.passed(guardWindow)
		if len(g.expired) != 0 || g.unserved != 0 || g.window.counted != 0 {
			t.Errorf("remembered: %d expired, unserved %d, counted %d", len(g.expired), g.unserved, g.window.counted)
		}
	})
}

// TestGuardCountsWhoIsMissing: who is back after a restart is of no mass.
func TestGuardCountsWhoIsMissing(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		g.expire(0, 65)
		g.restart()
		g.list(below(5))
		g.want(100, 5)
		g.expire(65, 90)
		g.want(100, 5)
		g.passed(guardWindow + guardTick)
		g.want(75, 5)
	})
}

// TestGuardRestoresNoMore: protection doesn't outlast the time of the configuration,
// and one that is no use is none.
func TestGuardRestoresNoMore(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		g.Restore([]snapshot.Entry{
			markEntry(key(0), expiredComponent, time.Now().Add(time.Hour)),
			{Key: markEntry(key(1), expiredComponent, time.Now()).Key, Value: []byte("soon")},
			markEntry("n/s/absent", expiredComponent, time.Now().Add(time.Minute)),
		})
		g.want(100, 1)
		g.expire(0, 1)
		g.passed(10*time.Minute + guardTick)
		g.want(99, 0)
	})
}

// TestExpiredEntriesAreNoKeys: who does not know them ignores them, and no mirror hears of
// them.
func TestExpiredEntriesAreNoKeys(t *testing.T) {
	t.Parallel()
	runGuarded(t, 30, func(g *guarded) {
		changes := g.store.Subscribe()
		changes.Next()
		g.expire(0, 60)
		if deltas, _ := changes.Next(); len(deltas) != 1 {
			t.Error("the keeper of the snapshot was told of no change")
		}
		gen, entries := snapshotOf(g.Guard)
		if len(entries) != 160 {
			t.Fatalf("%d entries, want 100 instances and 60 marks", len(entries))
		}
		s, sk := newStore(t)
		for _, e := range entries {
			apply(s, batch(restored(e)))
		}
		if s.Load().Instances() != gen.Instances() || len(sk.lines()) > 0 {
			t.Errorf("%d instances, want %d; logged %q", s.Load().Instances(), gen.Instances(), sk.lines())
		}
		var expired []snapshot.Entry
		for ev := range Restored(withoutErrors(entries), &expired) {
			if strings.Contains(ev.Key, "_") {
				t.Errorf("a mirror is told of %q", ev.Key)
			}
		}
		if len(expired) != 60 {
			t.Errorf("%d entries for a guard, want 60", len(expired))
		}
	})
}
