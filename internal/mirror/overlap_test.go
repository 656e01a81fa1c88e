package mirror

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

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
