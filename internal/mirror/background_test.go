package mirror

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// inBackground runs a mirror of a Background view against a fake inside a bubble.
func inBackground(t *testing.T, prepare func(*fakeEtcd), test func(*testing.T, *fakeEtcd, *rig)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFake()
		if prepare != nil {
			prepare(f)
		}
		rec := newRecorder(t)
		rec.unread = true
		test(t, f, run(t, f, rec, func(*Mirror) {}, testRange))
	})
}

// wantAsked checks how often progress is asked for from now on.
func (g *rig) wantAsked(want int, within time.Duration) {
	g.t.Helper()
	before := g.f.look().asked
	g.passed(within)
	if got := g.f.look().asked - before; got != want {
		g.t.Errorf("asked for progress %d times in %v, want %d", got, within, want)
	}
}

// TestBackgroundAsksSeldom: as long as nobody reads, and no longer.
func TestBackgroundAsksSeldom(t *testing.T) {
	t.Parallel()
	inBackground(t, nil, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.wantAsked(100, 100*backgroundEvery)
		g.passed(backgroundEvery - time.Second)
		before := f.look().asked
		read := g.Mirror.Follow("m/", newRecorder(t))
		synctest.Wait()
		if got := f.look().asked - before; got != 1 {
			t.Errorf("asked for progress %d times when a reader came %v after the last time, want once", got, backgroundEvery-time.Second)
		}
		g.wantAsked(10, 10*progressEvery)
		g.Mirror.Unfollow(read, false)
		synctest.Wait()
		g.wantAsked(0, backgroundEvery-1)
		g.wantAsked(100, 100*backgroundEvery)
		g.wantStates("live@0s")
		g.wantListed(ReasonStart, ReasonStart)
		if n := f.look().probes; n > 0 {
			t.Errorf("%d probes beside a watch that answers", n)
		}
	})
}

// TestBackgroundSilentWatch: a request that is not answered is followed by what follows
// it where there are readers, at the same pace.
func TestBackgroundSilentWatch(t *testing.T) {
	t.Parallel()
	inBackground(t, func(f *fakeEtcd) { f.put("/r/n/s/a", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		f.set(func() { f.deaf = true })
		g.at(backgroundEvery)
		g.wantAsked(0, progressEvery-1)
		if n := f.look().probes; n > 0 {
			t.Errorf("%d probes before a request had its time", n)
		}
		g.wantAsked(1, 1)
		if n := f.look().probes; n != 1 {
			t.Errorf("%d probes once a request had its time, want 1", n)
		}
		g.wantAsked(10, 10*progressEvery)
		g.wantStates("live@0s")
		g.wantFailed()
	})
}

// TestBackgroundWatchThatMisses is a half-open watch: the state is stale within ten
// seconds of the last contact, and the watch is replaced soon after.
func TestBackgroundWatchThatMisses(t *testing.T) {
	t.Parallel()
	const slack = backgroundEvery - progressEvery
	inBackground(t, func(f *fakeEtcd) { f.put("/r/n/s/a", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		f.set(func() { f.deaf = true })
		f.put("/r/n/s/a", "2")
		g.at(FreshFor + slack - 1)
		g.wantState(Live)
		g.at(FreshFor + slack)
		g.wantState(Stale)
		if s := g.Range.Status(); s.State != Stale {
			t.Errorf("the range is %v, want stale", s.State)
		}
		if FreshFor+slack > 10*time.Second {
			t.Errorf("stale after %v", FreshFor+slack)
		}
		g.wantFailed()
		g.at(watchSilence + slack)
		g.wantFailed(ReasonSilent)
		if err := g.Mirror.Status().Err; !errors.Is(err, errSilent) {
			t.Errorf("error %v, want %v", err, errSilent)
		}
		g.passed(relist)
		g.wantState(Live)
		g.wantEqual()
	})
}

// TestBackgroundRestored is an etcd that goes back behind a watch that stays open: the
// next answer shows it, and the copy equals etcd within ten seconds.
func TestBackgroundRestored(t *testing.T) {
	t.Parallel()
	var restore func()
	inBackground(t, func(f *fakeEtcd) { restore = restored(f) }, func(t *testing.T, f *fakeEtcd, g *rig) {
		restore()
		f.put("/r/n/s/c", "new")
		g.at(backgroundEvery)
		g.wantFailed(ReasonRegressed)
		if within := backgroundEvery + retryBase + relist; within > 10*time.Second {
			t.Errorf("a restored etcd is listed only within %v", within)
		}
		g.at(backgroundEvery + retryBase + relist)
		g.wantListed(ReasonStart, ReasonRegressed)
		g.wantEqual()
	})
}

// TestAskAlong: a request that is due soon is made earlier, and puts off the next one.
func TestAskAlong(t *testing.T) {
	t.Parallel()
	inBackground(t, nil, func(t *testing.T, f *fakeEtcd, g *rig) {
		along := func(want int) {
			t.Helper()
			before := f.look().asked
			g.AskAlong()
			synctest.Wait()
			if got := f.look().asked - before; got != want {
				t.Errorf("asked for progress %d times at %v, want %d", got, time.Since(g.rec.start), want)
			}
		}
		g.at(progressEvery)
		along(0) // as often as that is for readers only
		g.at(backgroundEvery - time.Second)
		along(1)
		along(0)
		g.wantAsked(0, backgroundEvery-1)
		g.wantAsked(1, 1)
		f.set(func() { f.deaf = true })
		g.passed(backgroundEvery - time.Second)
		along(1)
		g.passed(progressEvery - time.Millisecond)
		along(0) // the next one waits for an answer, or its time
		g.wantAsked(1, time.Millisecond)
		f.hear()
		g.Mirror.Follow("m/", newRecorder(t))
		synctest.Wait()
		g.passed(progressEvery - time.Millisecond)
		along(0) // there is a reader
	})
}

// TestBackgroundWatchBesideUnanswered is a watch that is created when requests for
// progress may still be answered, so that the first answers don't speak for it: it is
// not left without progress for longer than where there are readers.
func TestBackgroundWatchBesideUnanswered(t *testing.T) {
	t.Parallel()
	inBackground(t, func(f *fakeEtcd) { f.put("/r/n/s/a", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		f.set(func() { f.held = true }) // etcd drops requests
		g.at(backgroundEvery + 2*progressEvery)
		m := g.follow("m/")
		f.set(func() { f.held = false })
		f.put("/elsewhere", "1")
		g.passed(4 * progressEvery)
		if got := m.Status().Revision; got != f.revision {
			t.Errorf("the range is at %d, want %d by progress", got, f.revision)
		}
		g.wantAsked(100, 100*backgroundEvery)
		g.wantFailed()
	})
}
