package mirror

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestRestore starts from a snapshot while etcd is away: there is something to
// answer at once, and what has changed meanwhile is put right by the first list.
func TestRestore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("/r/n/s/ghost", "1")
		f.put("/r/n/s/same", "1")
		f.put("/r/n/s/old", "1")
		first := start(t, f)
		first.stop()
		said, status := first.rec.look(), first.Mirror.Status()
		f.delete("/r/n/s/ghost")
		f.put("/r/n/s/old", "2")
		f.put("/r/n/s/new", "1")
		f.compact()
		f.set(func() { f.down = true })
		time.Sleep(time.Hour)

		g := startRestored(t, f, said, status)
		g.wantState(Stale)
		select {
		case <-g.Ready():
		default:
			t.Error("not synced by a snapshot")
		}
		select {
		case <-g.Listed():
			t.Error("a snapshot counts as a list")
		default:
		}
		if s := g.Mirror.Status(); s.Revision != status.Revision || !s.Contact.Equal(status.Contact) || s.Keys != 3 {
			t.Errorf("status %+v, want that of the snapshot, %+v", s, status)
		}
		g.wantApplied("+n/s/ghost", "+n/s/old", "+n/s/same")
		g.passed(time.Minute)
		g.wantStates("stale@0s")
		g.wantLogged("level=WARN|can't be read yet|down")

		f.set(func() { f.down = false })
		g.passed(retryLimit)
		g.wantState(Live)
		<-g.Listed()
		g.wantEqual()
		g.wantApplied("+n/s/new", "+n/s/old", "+n/s/same", "-n/s/ghost")
		g.wantLogged("level=INFO|can be read now")
		if g.rec.look().backward != 0 {
			t.Error("the revision moved backward")
		}
	})
}

// TestRestoreOfAnotherTime starts from a snapshot that is ahead of etcd, or of
// another cluster.
func TestRestoreOfAnotherTime(t *testing.T) {
	t.Parallel()
	for name, status := range map[string]Status{
		"ahead":         {State: Live, Revision: 1000, Cluster: 1},
		"other cluster": {State: Live, Revision: 2, Cluster: 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.cluster = 1
				f.put("/r/n/s/a", "1")
				g := startRestored(t, f, said{keys: map[string]stored{"n/s/a": {"2", 2, 8}, "n/s/b": {"2", 2, 8}}}, status)
				g.wantEqual()
				g.wantState(Live)
				g.wantLogged("level=WARN|etcd history changed", "level=INFO|can be read now")
				f.put("/r/n/s/c", "1")
				synctest.Wait()
				g.wantEqual()
			})
		})
	}
}

// TestRestoreOfRangesAhead starts from a snapshot of two ranges, of which etcd, that
// was restored from a backup, is behind one: the commit of the first list says so,
// whichever range it is of.
func TestRestoreOfRangesAhead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		f.put("/r/behind/s/a", "1")
		rec := newRecorder(t)
		g := run(t, f, rec, func(m *Mirror) {
			ranges := []RestoredRange{{Range: "behind/", Revision: 1}, {Range: "ahead/", Revision: 1000}}
			m.Restore(rec, Head{Revision: 1000}, ranges, func(func(Event) bool) {})
		}, "behind/")
		g.passed(retryLimit)
		g.follow("ahead/")
		g.passed(retryLimit)
		g.wantEqual()
		if said := rec.look(); said.backward != 1 {
			t.Errorf("%d commits say that etcd moved backward, the last is at %d", said.backward, said.revision)
		}
	})
}

// TestSeedOfSeveral: a range that several cached ranges cover is as recent as the
// most recent of them.
func TestSeedOfSeveral(t *testing.T) {
	t.Parallel()
	m, view, now := New(Config{}), newRecorder(t), time.Now()
	before := m.Follow("n/s/i", view)
	m.Restore(view, Head{Revision: 9}, []RestoredRange{
		{Range: "n/", Revision: 5, Contact: now.Add(-time.Hour)},
		{Range: "n/s/", Revision: 9, Contact: now},
	}, func(func(Event) bool) {})
	if s := m.Follow("n/s/", view).Status(); s.State != Stale || s.Revision != 9 || !s.Contact.Equal(now) {
		t.Errorf("status %+v, want that of the range itself", s)
	}
	if s := before.Status(); s.State != Stale || s.Revision != 9 {
		t.Errorf("status %+v of what was followed before, want that of n/s/", s)
	}
	if s := m.Follow("n/t/", view).Status(); s.State != Stale || s.Revision != 5 {
		t.Errorf("status %+v, want that of n/", s)
	}
}
