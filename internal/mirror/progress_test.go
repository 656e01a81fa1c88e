package mirror

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// TestProgressOnce: a client that reads many ranges asks once for all of them.
func TestProgressOnce(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 60 {
		names = append(names, fmt.Sprintf("n/s%d/", i))
	}
	several(t, names, nil, func(t *testing.T, f *fakeEtcd, g *rig) {
		before := f.look().asked
		g.passed(20 * progressEvery)
		if got := f.look().asked - before; got != 20 {
			t.Errorf("asked for progress %d times in %v, want 20", got, 20*progressEvery)
		}
		if n := f.look().probes; n > 0 {
			t.Errorf("%d probes beside a stream that answers", n)
		}
	})
}

// TestTransactionOverTwoRanges has the watch of one of them stall: the committed
// revision is not ahead of it.
func TestTransactionOverTwoRanges(t *testing.T) {
	t.Parallel()
	several(t, []string{"a/", "b/"}, func(f *fakeEtcd) {
		f.put("/r/a/s/i", "1")
		f.put("/r/b/s/i", "1")
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.rec.take()
		before := f.revision
		f.set(func() { f.stalled = []string{"/r/b/"} })
		f.txn(map[string]string{"/r/a/s/i": "2", "/r/b/s/i": "2"})
		g.passed(3 * progressEvery) // progress that etcd doesn't answer: not all watches have caught up
		f.txn(map[string]string{"/r/a/s/i": "3"})
		synctest.Wait()
		g.wantApplied("+a/s/i", "+a/s/i")
		if got := g.rec.look().revision; got != before {
			t.Errorf("the view is at revision %d, want %d, which the stalled range is at", got, before)
		}
		if a, b := g.ranges["a/"].Status(), g.ranges["b/"].Status(); a.Revision != f.revision || b.Revision != before {
			t.Errorf("the ranges are at %d and %d, want %d and %d", a.Revision, b.Revision, f.revision, before)
		}
		f.set(func() { f.stalled = nil })
		f.hear()
		g.passed(progressEvery)
		g.wantEqual()
		if got := g.rec.look().revision; got != f.revision {
			t.Errorf("the view is at revision %d, want %d", got, f.revision)
		}
		g.wantFailed()
	})
}

// TestProgressOlderThanWatch has progress of the other watches arrive after a
// range's watch was created, though etcd made it before: it says nothing of the
// range.
func TestProgressOlderThanWatch(t *testing.T) {
	t.Parallel()
	several(t, []string{"a/"}, func(f *fakeEtcd) { f.put("/r/b/s/i", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		f.set(func() { f.held, f.stalled = true, []string{"/r/b/"} })
		g.at(progressEvery) // a request that waits for its answer
		g.follow("b/")
		listed := f.revision
		f.put("/r/b/s/i", "2")
		f.say(progress(f.header()))
		synctest.Wait()
		if got := g.ranges["b/"].Status().Revision; got != listed {
			t.Errorf("the range is at %d though its watch has shown nothing since %d", got, listed)
		}
		if got := g.ranges["a/"].Status().Revision; got != f.revision {
			t.Errorf("the other one is at %d, want %d", got, f.revision)
		}
		f.set(func() { f.held, f.stalled = false, nil })
		f.hear()
		synctest.Wait()
		g.wantEqual()
		g.wantFailed()
		f.put("/elsewhere", "1")
		g.at(2 * progressEvery) // asked for after the watch was
		if got := g.ranges["b/"].Status().Revision; got != f.revision {
			t.Errorf("the range is at %d, want %d by progress", got, f.revision)
		}
	})
}

// TestLedger is which progress requests may still be answered.
func TestLedger(t *testing.T) {
	t.Parallel()
	var l ledger
	start := time.Now()
	l.ask(start)
	l.ask(start.Add(progressEvery))
	if got := l.before(2, start.Add(progressEvery)); got != 2 {
		t.Errorf("%d of 2 requests wait, want 2", got)
	}
	if got := l.before(1, start.Add(progressEvery)); got != 1 {
		t.Errorf("%d of the first request wait, want 1", got)
	}
	l.answer()
	if got := l.before(1, start.Add(progressEvery)); got != 0 {
		t.Errorf("%d of the first request wait after an answer, want 0", got)
	}
	if got := l.before(2, start.Add(progressEvery+watchSilence)); got != 0 {
		t.Errorf("%d requests wait after %v, want 0", got, watchSilence)
	}
	l.answer() // that nobody asked for
	for i := range 100 {
		l.ask(start.Add(time.Duration(i) * progressEvery))
	}
	if n := len(l.waiting); n > int(watchSilence/progressEvery) {
		t.Errorf("%d requests wait for an etcd that answers none", n)
	}
}
