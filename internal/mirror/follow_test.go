package mirror

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

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
