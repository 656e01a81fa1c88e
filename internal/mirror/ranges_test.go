package mirror

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
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
