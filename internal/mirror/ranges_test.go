package mirror

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// several runs a mirror of ranges against a fake inside a bubble.
func several(t *testing.T, ranges []string, prepare func(*fakeEtcd), run func(*testing.T, *fakeEtcd, *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		if prepare != nil {
			prepare(f)
		}
		run(t, f, startRanges(t, f, ranges...))
	})
}

func putEvent(key, value string, revision int64) *mvccpb.Event {
	return &mvccpb.Event{Type: mvccpb.Event_PUT, Kv: &mvccpb.KeyValue{Key: []byte(key), Value: []byte(value), ModRevision: revision}}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		rng, key string
		want     bool
	}{
		{"", "n/s/a", true},
		{"n/", "n/s/a", true},
		{"n/", "n2/s/a", false},
		{"n/s/a", "n/s/a", true},
		{"n/s/a", "n/s/ab", false},
		{"n/s/a", "n/s/a/b", false},
	} {
		if got := covers(tt.rng, tt.key); got != tt.want {
			t.Errorf("%q covers %q: %v", tt.rng, tt.key, got)
		}
		found := enclosing(tt.key, func(rng string) bool { return rng == tt.rng })
		if found != tt.want {
			t.Errorf("%q encloses %q: %v", tt.rng, tt.key, found)
		}
	}
}

// TestManyRanges follows everything of each kind of range on one stream.
func TestManyRanges(t *testing.T) {
	t.Parallel()
	several(t, []string{"a/", "b/s/", "c/s/i"}, func(f *fakeEtcd) {
		f.put("/r/a/s/i", "1")
		f.put("/r/b/s/i", "1")
		f.put("/r/b/t/i", "not followed")
		f.put("/r/c/s/i", "1")
		f.put("/r/c/s/ii", "not followed")
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.wantEqual()
		if s := f.look(); s.streams != 1 || s.watches != 3 || len(s.lists) != 3 {
			t.Errorf("%d streams, %d watches, %d lists, want 1, 3, 3", s.streams, s.watches, len(s.lists))
		}
		f.txn(map[string]string{"/r/a/s/j": "2", "/r/b/s/i": "2", "/r/c/s/i": "2"})
		f.delete("/r/a/s/i")
		synctest.Wait()
		g.wantEqual()
		g.passed(progressEvery)
		for name, r := range g.ranges {
			if s := r.Status(); s.State != Live || s.Revision != f.revision || !s.Contact.Equal(time.Now()) || s.Err != nil {
				t.Errorf("%s: %+v, want live at revision %d", name, s, f.revision)
			}
		}
		if got := g.rec.look().revision; got != f.revision {
			t.Errorf("the view is at revision %d, want %d", got, f.revision)
		}
		// All start at once; the first that is complete makes the mirror live.
		g.wantStates("live@0s")
		g.wantFailed()
	})
}

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

// TestAddWhileRunning: a range that is added disturbs none of the others.
func TestAddWhileRunning(t *testing.T) {
	t.Parallel()
	several(t, []string{"a/"}, func(f *fakeEtcd) { f.put("/r/b/s/i", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		release := make(chan struct{})
		f.set(func() {
			f.onPage = func(ctx context.Context, _ int) error {
				select {
				case <-release:
				case <-ctx.Done():
				}
				return ctx.Err()
			}
		})
		b := g.follow("b/")
		if b.Status().State != Unsynced || isClosed(b.Ready()) {
			t.Errorf("%+v before the list", b.Status())
		}
		f.put("/r/a/s/i", "1")
		f.put("/r/b/s/j", "1")
		synctest.Wait()
		g.wantApplied("+a/s/i")
		if got := g.rec.look().revision; got != f.revision-1 {
			t.Errorf("the view is at revision %d, want %d: the range that is being listed doesn't count", got, f.revision-1)
		}
		close(release)
		synctest.Wait()
		<-b.Listed()
		<-b.Ready()
		g.wantApplied("+b/s/i", "+b/s/j")
		g.wantEqual()
		if s := f.look(); s.streams != 1 || len(s.opened) != 1 || s.watches != 2 {
			t.Errorf("%d streams were opened, %d watches are on %d, want 1, 2, 1", len(s.opened), s.watches, s.streams)
		}
	})
}

// TestListsAtOnce: few lists at a time, and every range in the end.
func TestListsAtOnce(t *testing.T) {
	t.Parallel()
	var names []string
	for i := range 100 {
		names = append(names, fmt.Sprintf("n/s%d/", i))
	}
	several(t, names, func(f *fakeEtcd) {
		f.put("/r/n/s7/i", "1")
		f.onPage = func(ctx context.Context, _ int) error {
			time.Sleep(10 * time.Millisecond)
			return ctx.Err()
		}
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.passed(time.Second)
		for name, r := range g.ranges {
			if !isClosed(r.Listed()) {
				t.Errorf("%s was not listed", name)
			}
		}
		if s := f.look(); s.mostLists != listsAtOnce || len(s.lists) != len(names) || s.watches != len(names) {
			t.Errorf("%d lists, %d at once, %d watches, want %d, %d, %d", len(s.lists), s.mostLists, s.watches, len(names), listsAtOnce, len(names))
		}
		g.wantEqual()
	})
}

// TestDeniedRange is one of several ranges that the user may not read: it fails
// alone.
func TestDeniedRange(t *testing.T) {
	t.Parallel()
	several(t, []string{"a/", "b/"}, func(f *fakeEtcd) {
		f.put("/r/a/s/i", "1")
		f.put("/r/b/s/i", "1")
		f.denied = []string{"/r/b/"}
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.logged.take()
		g.at(time.Minute)
		b := g.ranges["b/"]
		if s := b.Status(); s.State != Unsynced || s.Err == nil {
			t.Errorf("%+v, want an error", s)
		}
		if s := g.Mirror.Status(); s.State != Live || s.Err != nil {
			t.Errorf("the mirror is %+v, want live", s)
		}
		g.wantStates("live@0s")
		s := f.look()
		if n := len(s.lists); n < 30 || n > 70 || len(s.opened) != 1 {
			t.Errorf("%d lists and %d streams in a minute, want a list in 1 to 2 s, and 1", n, len(s.opened))
		}
		f.put("/r/a/s/i", "2")
		synctest.Wait()
		if got := g.rec.look().revision; got != f.revision {
			t.Errorf("the view is at revision %d, want %d", got, f.revision)
		}
		g.logged.take()
		f.set(func() { f.denied = nil })
		g.passed(retryLimit)
		g.wantEqual()
		if s := b.Status(); s.State != Live || s.Err != nil {
			t.Errorf("%+v, want live", s)
		}
	})
}

// TestDeniedOnceMore is a range that may not be read from some time on: that is
// logged once, and its end.
func TestDeniedOnceMore(t *testing.T) {
	t.Parallel()
	several(t, []string{"a/", "b/"}, func(f *fakeEtcd) { f.put("/r/b/s/i", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		f.set(func() { f.denied = []string{"/r/b/"} })
		g.passed(progressEvery)
		g.wantLogged()
		f.end()
		g.passed(time.Minute)
		g.wantLogged("level=WARN|etcd denies access to a range|range=/r/b/|permission denied")
		if s := g.ranges["b/"].Status(); s.State != Stale || s.Err == nil {
			t.Errorf("%+v, want stale", s)
		}
		g.wantState(Live)
		f.put("/r/b/s/i", "2")
		f.set(func() { f.denied = nil })
		g.passed(2 * retryLimit)
		g.wantLogged("level=INFO|a range can be read now|range=/r/b/")
		g.wantEqual()
		g.wantListed(ReasonStart, ReasonStart) // it went on from where it was
	})
}

// TestTokenRunsOut: etcd checks the stream's token when a range is added. All go
// on, on another stream, without a list.
func TestTokenRunsOut(t *testing.T) {
	t.Parallel()
	for _, refusal := range []error{rpctypes.ErrGRPCInvalidAuthToken, rpctypes.ErrGRPCAuthOldRevision} {
		t.Run(rpctypes.ErrorDesc(refusal), func(t *testing.T) {
			t.Parallel()
			several(t, []string{"a/", "b/"}, func(f *fakeEtcd) { f.put("/r/a/s/i", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
				g.passed(time.Minute)
				f.set(func() {
					f.onAdd = func(string) error {
						if len(f.look().opened) == 1 {
							return refusal
						}
						return nil
					}
				})
				c := g.follow("c/")
				f.put("/r/a/s/i", "2")
				f.put("/r/c/s/i", "1")
				g.passed(retryBase)
				g.wantEqual()
				if s := f.look(); len(s.lists) != 3 || len(s.opened) != 2 || s.watches != 3 {
					t.Errorf("%d lists, %d streams, %d watches, want 3, 2, 3", len(s.lists), len(s.opened), s.watches)
				}
				if s := c.Status(); s.State != Live || s.Err != nil {
					t.Errorf("%+v, want live", s)
				}
				g.wantFailed(ReasonAuth)
				g.wantLogged()
			})
		})
	}
}

// TestMemberThatRefuses is a learner among the members: another one is tried,
// without a list, and that is logged once.
func TestMemberThatRefuses(t *testing.T) {
	t.Parallel()
	several(t, []string{"a/"}, func(f *fakeEtcd) {
		f.put("/r/a/s/i", "1")
		f.onStream = func(context.Context) error {
			if len(f.look().opened)%2 == 1 {
				return rpctypes.Error(rpctypes.ErrGRPCNotSupportedForLearner)
			}
			return nil
		}
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		for range 5 {
			g.passed(time.Minute)
			f.end()
			g.passed(retryLimit)
		}
		g.wantState(Live)
		g.wantEqual()
		g.wantListed(ReasonStart)
		g.wantStates("live@0s")
		g.wantLogged("level=WARN|an etcd member doesn't serve reads|learner")
	})
}

// TestOverlap has a key in two ranges, and the watch of one of them behind: what
// is known by the other one is not taken back.
func TestOverlap(t *testing.T) {
	t.Parallel()
	several(t, []string{"n/", "n/s/"}, func(f *fakeEtcd) { f.put("/r/n/s/i", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.rec.take()
		f.set(func() { f.stalled = []string{"/r/n/"} })
		f.put("/r/n/s/i", "2")
		f.delete("/r/n/s/i")
		f.put("/r/n/t/i", "1")
		synctest.Wait()
		g.wantApplied("+n/s/i", "-n/s/i")
		f.set(func() { f.stalled = nil })
		f.hear()
		g.passed(progressEvery)
		g.wantApplied("+n/t/i")
		g.wantEqual()
		g.wantFailed()
	})
}

// TestNewerThanList has another range's watch change keys while a list that has
// them is under way, which shows them as they were.
func TestNewerThanList(t *testing.T) {
	t.Parallel()
	several(t, []string{"n/s/"}, func(f *fakeEtcd) {
		f.pageSize = 1
		f.put("/r/n/s/changed", "1")
		f.put("/r/n/s/deleted", "1")
		f.put("/r/n/t/i", "1")
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		hung := make(chan struct{})
		f.set(func() {
			f.hung = hung // lists, not the watch
			f.onPage = func(_ context.Context, page int) error {
				if page == 0 { // what the list shows is read already
					f.put("/r/n/s/changed", "3")
					f.delete("/r/n/s/deleted")
					f.put("/r/n/s/new", "1")
				}
				time.Sleep(time.Second)
				return nil
			}
		})
		g.follow("n/")
		f.put("/r/n/s/changed", "2") // after the list began to compare
		f.put("/r/n/s/deleted", "2")
		synctest.Wait()
		f.set(func() { f.hung = nil })
		close(hung)
		g.passed(time.Minute)
		g.wantEqual()
		index := g.loop.views[g.rec].index
		if got, _ := index.Get("n/s/changed"); got.modRevision != 7 || index.Len() != 3 {
			t.Errorf("the index has n/s/changed at %d and %d keys, want 7 and 3", got.modRevision, index.Len())
		}
		g.wantFailed()
	})
}

// TestUnfollow: keys that no other range has leave the view.
func TestUnfollow(t *testing.T) {
	t.Parallel()
	several(t, []string{"n/s/", "n/s/i", "n/t/"}, func(f *fakeEtcd) {
		f.put("/r/n/s/i", "1")
		f.put("/r/n/s/j", "1")
		f.put("/r/n/t/i", "1")
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.rec.take()
		g.unfollow("n/s/", false)
		g.wantApplied("-n/s/j")
		g.wantEqual()
		commits := g.rec.look().commits
		if c := commits[len(commits)-1]; c.Cause != CauseDrop {
			t.Errorf("commit %+v, want that of a drop of n/s/", c)
		}
		f.put("/r/n/s/j", "2")
		f.put("/r/n/s/i", "2")
		synctest.Wait()
		g.wantApplied("+n/s/i")
		if n := f.look().watches; n != 2 {
			t.Errorf("%d watches, want 2", n)
		}
		g.unfollow("n/s/i", false)
		g.unfollow("n/t/", false)
		g.passed(time.Minute)
		g.wantApplied("-n/s/i", "-n/t/i")
		if s := f.look(); s.streams != 0 || len(g.rec.look().failed) != 0 {
			t.Errorf("%d streams and %d failures of a mirror of nothing", s.streams, len(g.rec.look().failed))
		}
		g.follow("n/t/")
		g.wantEqual()
		g.wantState(Live)
		g.wantLogged()
	})
}

// TestFollowTwice: a range is followed until nobody follows it.
func TestFollowTwice(t *testing.T) {
	t.Parallel()
	several(t, []string{"n/"}, func(f *fakeEtcd) { f.put("/r/n/s/i", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		if again := g.Mirror.Follow("n/", g.rec); again != g.ranges["n/"] {
			t.Error("another range of the same view and name")
		}
		g.Mirror.Unfollow(g.ranges["n/"], false)
		f.put("/r/n/s/i", "2")
		synctest.Wait()
		g.wantEqual()
		g.unfollow("n/", false)
		g.wantEqual()
		if n := len(f.look().lists); n != 1 {
			t.Errorf("%d lists, want 1", n)
		}
	})
}

// TestCached: what is followed no more can stay, and is there at once for whoever
// follows it again.
func TestCached(t *testing.T) {
	t.Parallel()
	several(t, []string{"n/", "m/"}, func(f *fakeEtcd) {
		f.put("/r/m/s/i", "1")
		f.put("/r/n/s/ghost", "1")
		f.put("/r/n/s/i", "1")
		f.put("/r/n/t/i", "1")
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.rec.take()
		contact := time.Now()
		g.unfollow("n/", true)
		g.wantApplied()
		g.passed(time.Minute)
		f.delete("/r/n/s/ghost")
		f.put("/r/n/s/j", "1")
		synctest.Wait()
		want := RangeStatus{Range: "n/", State: Stale, Revision: 5, Contact: contact, Cached: true}
		if got := g.Mirror.Ranges(); len(got) != 2 || got[1] != want {
			t.Errorf("ranges %+v, want two, the second %+v", got, want)
		}

		f.set(func() { f.down = true })
		r := g.follow("n/s/")
		if s := r.Status(); !isClosed(r.Ready()) || s.State != Stale || s.Revision != 5 || !s.Contact.Equal(contact) {
			t.Errorf("%+v (ready: %v), want it ready and stale, as the cached range is", s, isClosed(r.Ready()))
		}
		g.wantApplied()
		f.set(func() { f.down = false })
		g.passed(retryLimit)
		if s := r.Status(); s.State != Live || !isClosed(r.Listed()) {
			t.Errorf("%+v, want it listed and live", s)
		}
		g.wantApplied("+n/s/j", "-n/s/ghost")

		g.Mirror.Forget("n/")
		synctest.Wait()
		g.wantApplied("-n/t/i")
		g.wantEqual()
		if got := g.Mirror.Ranges(); len(got) != 2 || got[1].Range != "n/s/" || got[1].Cached {
			t.Errorf("ranges %+v, want m/ and n/s/", got)
		}
	})
}

// TestCachedIsListed: a range that is followed again takes the place of what was
// cached of it.
func TestCachedIsListed(t *testing.T) {
	t.Parallel()
	several(t, []string{"n/s/", "m/"}, func(f *fakeEtcd) { f.put("/r/n/s/i", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.unfollow("n/s/", true)
		g.follow("n/")
		if got := g.Mirror.Ranges(); len(got) != 2 || got[1].Range != "n/" {
			t.Errorf("ranges %+v, want m/ and n/", got)
		}
		g.rec.take()
		g.Mirror.Forget("n/s/")
		synctest.Wait()
		g.wantApplied()
		g.wantEqual()
		g.unfollow("n/", false)
		g.wantEqual()
	})
}

// TestTwoViews: each view is told of all its ranges have, whatever others have.
func TestTwoViews(t *testing.T) {
	t.Parallel()
	several(t, []string{"n/"}, func(f *fakeEtcd) { f.put("/r/n/s/i", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		other := newRecorder(t)
		r := g.Mirror.Follow("n/s/i", other)
		synctest.Wait()
		f.put("/r/n/s/i", "2")
		f.put("/r/n/s/j", "2")
		synctest.Wait()
		if got := other.take(); !slices.Equal(got, []string{"+n/s/i", "+n/s/i"}) {
			t.Errorf("the other view was told %v", got)
		}
		g.wantApplied("+n/s/i", "+n/s/i", "+n/s/j")
		g.Mirror.Unfollow(r, false)
		synctest.Wait()
		g.wantEqual()
		if got := other.take(); !slices.Equal(got, []string{"-n/s/i"}) {
			t.Errorf("the other view was told %v at the end", got)
		}
	})
}

// TestCompactedAlone: one range's watch falls behind a compaction; the others
// go on.
func TestCompactedAlone(t *testing.T) {
	t.Parallel()
	several(t, []string{"a/", "b/"}, nil, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.passed(progressEvery)
		f.set(func() { f.stalled = []string{"/r/b/"} })
		f.put("/r/b/s/i", "1")
		f.put("/r/a/s/i", "1")
		f.compact()
		f.set(func() { f.stalled = nil })
		f.hear()
		g.passed(relist)
		g.wantFailed(ReasonCompacted)
		g.wantEqual()
		if s := f.look(); !slices.Equal(s.listed[2:], []string{"/r/b/"}) || len(s.opened) != 1 {
			t.Errorf("listed %v, opened %d streams, want b alone once more, and 1", s.listed, len(s.opened))
		}
	})
}

// TestAuditOfRanges: the range that differs is listed alone; a key that another
// range has shown to be newer is no difference.
func TestAuditOfRanges(t *testing.T) {
	t.Parallel()
	several(t, []string{"a/", "b/", "b/s/"}, func(f *fakeEtcd) {
		f.put("/r/a/s/i", "1")
		f.put("/r/b/s/i", "1")
		f.put("/r/b/t/i", "1")
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		f.set(func() { f.stalled = []string{"/r/b/"} })
		f.delete("/r/b/s/i")
		f.put("/r/b/s/j", "1")
		for time.Since(g.rec.start) < auditEvery+10*time.Second { // no silence
			f.put("/r/a/s/i", "2")
			g.passed(time.Second)
		}
		g.wantAudited(0)
		f.set(func() { f.stalled = nil })
		f.hear()
		losing(f, "-lost")
		f.put("/r/a/s/new-lost", "1")
		g.passed(auditEvery + relist)
		g.wantAudited(0, 1)
		g.wantFailed(ReasonAudit)
		g.wantEqual()
		if s := f.look(); !slices.Equal(s.listed[3:], []string{"/r/a/"}) || len(s.opened) != 1 {
			t.Errorf("listed %v, opened %d streams, want a alone once more, and 1", s.listed, len(s.opened))
		}
	})
}

// TestRegressedRanges: all ranges are listed when etcd's history has changed,
// which is logged once.
func TestRegressedRanges(t *testing.T) {
	t.Parallel()
	several(t, []string{"a/", "b/", "c/"}, func(f *fakeEtcd) {
		f.put("/r/a/s/i", "1")
		f.put("/r/b/s/i", "1")
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		restore := f.backup()
		f.put("/r/a/s/i", "lost")
		f.put("/r/b/s/j", "lost")
		g.passed(progressEvery)
		restore()
		g.passed(progressEvery + 2*relist)
		g.wantEqual()
		g.wantFailed(ReasonRegressed)
		g.wantListed(ReasonStart, ReasonStart, ReasonStart, ReasonRegressed, ReasonRegressed, ReasonRegressed)
		g.wantLogged("level=WARN|etcd history changed")
		if n := g.rec.look().backward; n != 1 {
			t.Errorf("%d commits moved backward, want 1", n)
		}
	})
}

// TestListShowsRegression: the list of a range that is added can be the first to
// show that etcd's history has changed.
func TestListShowsRegression(t *testing.T) {
	t.Parallel()
	several(t, []string{"a/"}, func(f *fakeEtcd) { f.put("/r/a/s/i", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		restore := f.backup()
		f.put("/r/a/s/i", "lost")
		g.passed(time.Millisecond)
		restore()
		g.follow("b/")
		g.passed(retryBase + relist)
		g.wantEqual()
		g.wantFailed(ReasonRegressed)
		g.wantLogged("level=WARN|etcd history changed")
	})
}

// TestResumeRanges: after a break all go on from where they were.
func TestResumeRanges(t *testing.T) {
	t.Parallel()
	several(t, []string{"a/", "b/"}, nil, func(t *testing.T, f *fakeEtcd, g *rig) {
		f.put("/r/a/s/i", "1")
		g.passed(time.Millisecond)
		f.set(func() { f.deaf = true })
		f.end()
		f.put("/r/a/s/i", "2")
		f.put("/r/b/s/i", "2")
		f.set(func() { f.deaf = false })
		g.passed(retryBase)
		g.wantEqual()
		if s := f.look(); len(s.lists) != 2 || s.watches != 2 {
			t.Errorf("%d lists and %d watches, want 2 and 2", len(s.lists), s.watches)
		}
		g.wantResumed(ReasonStart, ReasonClosed)
	})
}

// TestSlowView: a view that takes long is no lack of contact, and what has
// arrived meanwhile becomes visible by one commit.
func TestSlowView(t *testing.T) {
	t.Parallel()
	several(t, []string{"n/"}, nil, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.rec.mu.Lock()
		g.rec.onCommit = func(Commit) { time.Sleep(time.Minute) }
		g.rec.mu.Unlock()
		f.put("/r/n/s/i", "1")
		synctest.Wait()
		for i := range 100 {
			f.put(fmt.Sprintf("/r/n/s/i%d", i), "1")
			g.passed(time.Second / 4)
		}
		f.put("/elsewhere", "1")
		f.say(progress(f.header()))
		synctest.Wait()
		if s := g.Mirror.Status(); s.State != Live || time.Since(s.Contact) > time.Second || s.Revision >= s.Head || s.Head != f.revision {
			t.Errorf("%+v while the view is busy, want it live, at an old revision, and to know of %d", s, f.revision)
		}
		g.rec.mu.Lock()
		before := len(g.rec.said.commits)
		g.rec.mu.Unlock()
		g.passed(2 * time.Minute)
		g.wantEqual()
		g.wantStates("live@0s")
		if n := len(g.rec.look().commits) - before; n > 3 {
			t.Errorf("%d commits, want one for what had waited, and one of progress", n)
		}
		g.wantFailed()
	})
}

// TestSendsThatBlock: nothing waits for a stream that takes no requests.
func TestSendsThatBlock(t *testing.T) {
	t.Parallel()
	several(t, []string{"a/"}, nil, func(t *testing.T, f *fakeEtcd, g *rig) {
		release := make(chan struct{})
		f.set(func() {
			f.onAdd = func(string) error { <-release; return nil }
		})
		for i := range 1000 {
			g.ranges[fmt.Sprintf("n/s%d/", i)] = g.Mirror.Follow(fmt.Sprintf("n/s%d/", i), g.rec)
		}
		synctest.Wait()
		f.put("/r/a/s/i", "1")
		synctest.Wait()
		g.wantEqual()
		close(release)
		f.put("/r/n/s7/i", "1")
		synctest.Wait()
		g.wantEqual()
		if n := f.look().watches; n != 1001 {
			t.Errorf("%d watches, want 1001", n)
		}
	})
}

// TestQueueBounds: what a view has yet to see is bounded.
func TestQueueBounds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		q, put := newQueue(), 0
		value := make([]byte, maxQueuedBytes/10)
		go func() {
			for {
				resp := &pb.WatchResponse{Events: []*mvccpb.Event{putEvent("k", string(value), 1)}}
				if !q.put(ctx, received{resp, time.Now()}) {
					return
				}
				put++
			}
		}()
		synctest.Wait()
		if put != 9 {
			t.Errorf("%d responses of a tenth of the bound in the queue, want 9", put)
		}
		if items, last := q.take(); len(items) != 9 || last {
			t.Errorf("took %d (the last: %v), want 9", len(items), last)
		}
		synctest.Wait()
		if put != 18 {
			t.Errorf("%d responses after the queue was emptied, want 18", put)
		}
		cancel()
		synctest.Wait()
	})
}

// TestSlowStart: a first list that takes long is told of, though nothing failed:
// whoever has waited for it may have told that there is none.
func TestSlowStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		release := f.hang()
		g := start(t, f)
		g.at(7 * time.Second)
		g.wantLogged()
		release()
		synctest.Wait()
		g.wantLogged("level=INFO|etcd can be read now|keys=0")
	})
}

// TestStatusIsFree: nobody who asks for the state waits or allocates.
func TestStatusIsFree(t *testing.T) { //nolint:paralleltest // AllocsPerRun
	m := New(Config{Source: newFake(), Root: testRoot})
	r := m.Follow("n/", newRecorder(t))
	if n := testing.AllocsPerRun(100, func() { _, _ = m.Status(), r.Status() }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestWatchOfAnotherRange: a watch that shows keys of others is not believed.
func TestWatchOfAnotherRange(t *testing.T) {
	t.Parallel()
	several(t, []string{"n/"}, nil, func(t *testing.T, f *fakeEtcd, g *rig) {
		f.say(&pb.WatchResponse{Header: f.header(), Events: []*mvccpb.Event{putEvent("/r/m/s/i", "1", 1)}})
		g.passed(relist)
		g.wantFailed(ReasonDisorder)
		g.wantEqual()
	})
}

// TestFollowBesideUnfollow: a range that is followed anew while another caller
// drops it reaches the loop after that.
func TestFollowBesideUnfollow(t *testing.T) {
	t.Parallel()
	view := newRecorder(t)
	m := New(Config{})
	for range 15_000 {
		r := m.Follow("n/", view)
		unfollowed := make(chan struct{})
		go func() {
			defer close(unfollowed)
			m.Unfollow(r, false)
		}()
		again := m.Follow("n/", view)
		for again == r {
			m.Unfollow(again, false)
			runtime.Gosched()
			again = m.Follow("n/", view)
		}
		<-unfollowed
		for _, call := range m.loop.calls.take() {
			call()
		}
		if m.loop.views.of(view).ranges["n/"] != again {
			t.Fatal("the loop has dropped a range that is followed")
		}
		m.Unfollow(again, false)
	}
}

// TestRegressedWhileAnotherChanges: after a restore from a backup a range is listed
// though one in it changes all the time that may have been listed before.
func TestRegressedWhileAnotherChanges(t *testing.T) {
	t.Parallel()
	for range 8 { // either is the first one
		regressedWhileAnotherChanges(t)
	}
}

func regressedWhileAnotherChanges(t *testing.T) {
	t.Helper()
	several(t, []string{"n/s/", "n/"}, func(f *fakeEtcd) {
		f.put("/r/n/s/i", "1")
		f.put("/r/n/t/i", "1")
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		restore := f.backup()
		for range 1000 {
			f.put("/r/n/t/i", "lost")
		}
		g.passed(progressEvery)
		restore()
		f.set(func() {
			f.onPage = func(context.Context, int) error {
				time.Sleep(100 * time.Millisecond)
				return nil
			}
		})
		for range 100 { // ten seconds
			g.passed(100 * time.Millisecond)
			f.put("/r/n/s/i", "changed")
		}
		g.passed(time.Second)
		g.wantEqual()
		g.wantLogged("level=WARN|etcd history changed")
	})
}
