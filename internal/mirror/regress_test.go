package mirror

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// restored prepares a fake whose backup is of revision 3, and that has gone on
// to revision 8.
func restored(f *fakeEtcd) (restore func()) {
	f.put("/r/n/s/a", "1")
	f.put("/r/n/s/same", "1")
	restore = f.backup()
	f.put("/r/n/s/a", "lost")     // 4
	f.put("/r/n/s/ghost", "lost") // 5
	f.put("/r/n/s/a", "lost")     // 6
	f.put("/r/n/s/b", "lost")     // 7
	f.delete("/r/n/s/same")       // 8
	return restore
}

// TestRestored is an etcd that was restored from a backup, where keys come back
// with revisions that the mirror knows, but with other contents.
func TestRestored(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		// change happens to etcd as it is at revision 8.
		change func(f *fakeEtcd, restore func())
		// seen is when the mirror notices, since the start.
		seen   time.Duration
		failed []Reason
		listed Reason
		// backward says whether the mirror lands on a lower revision.
		backward bool
	}{
		{
			name: "progress shows it",
			change: func(f *fakeEtcd, restore func()) {
				restore()
				f.txn(map[string]string{"/r/n/s/c": "new"})  // 4
				f.txn(map[string]string{"/r/n/s/d": "new"})  // 5
				f.txn(map[string]string{"/r/n/s/a": "new"})  // 6, as the one that was lost
				f.txn(map[string]string{"/r/n/s/b": "back"}) // 7, too
			},
			seen: progressEvery, failed: []Reason{ReasonRegressed}, listed: ReasonRegressed, backward: true,
		},
		{
			name: "a probe shows it",
			change: func(f *fakeEtcd, restore func()) {
				f.set(func() { f.deaf = true })
				restore()
				f.put("/r/n/s/c", "new")
				f.put("/r/n/s/d", "new")
				f.put("/r/n/s/a", "new")
			},
			seen: firstProbe, failed: []Reason{ReasonRegressed}, listed: ReasonRegressed, backward: true,
		},
		{
			name: "a watch that is resumed shows it",
			change: func(f *fakeEtcd, restore func()) {
				restore()
				f.put("/r/n/s/c", "new")
				f.put("/r/n/s/d", "new")
				f.put("/r/n/s/a", "new")
				f.end()
			},
			seen: retryBase, failed: []Reason{ReasonClosed, ReasonRegressed}, listed: ReasonRegressed, backward: true,
		},
		{
			name: "writes overtake before the list",
			change: func(f *fakeEtcd, restore func()) {
				restore()
				f.put("/r/n/s/c", "new")
				f.put("/r/n/s/d", "new")
				f.put("/r/n/s/a", "new") // 6
				f.put("/r/n/s/b", "new") // 7
				time.AfterFunc(progressEvery+time.Millisecond, func() {
					f.put("/r/n/s/e", "new")
					f.put("/r/n/s/f", "new")
				})
			},
			seen: progressEvery, failed: []Reason{ReasonRegressed}, listed: ReasonRegressed, backward: false,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var restore func()
			scenario(t, func(f *fakeEtcd) { restore = restored(f) }, func(t *testing.T, f *fakeEtcd, g *rig) {
				if got := g.Mirror.Status().Revision; got != 8 {
					t.Fatalf("revision %d before the restore, want 8", got)
				}
				tt.change(f, restore)
				synctest.Wait()
				g.at(tt.seen)
				g.wantFailed(tt.failed...)
				g.at(tt.seen + retryBase + relist)
				g.wantListed(ReasonStart, tt.listed)
				g.wantStates("live@0s")
				if want := map[bool]int{true: 1, false: 0}[tt.backward]; g.rec.look().backward != want {
					t.Errorf("%d batches moved backward, want %d", g.rec.look().backward, want)
				}
				f.hear()
				synctest.Wait()
				g.wantEqual()
				if t.Failed() {
					return
				}
				f.put("/r/n/s/after", "1")
				synctest.Wait()
				g.wantEqual()
				g.rec.take()
				f.end()
				g.passed(retryBase)
				g.wantApplied() // unchanged keys are not applied again
			})
		})
	}
}

// TestRestoredListBreaks has the list fail that a restore calls for, and writes overtake the old revision before the next.
func TestRestoredListBreaks(t *testing.T) {
	t.Parallel()
	var restore func()
	scenario(t, func(f *fakeEtcd) { restore = restored(f) }, func(t *testing.T, f *fakeEtcd, g *rig) {
		restore()
		f.put("/r/n/s/c", "new")
		f.put("/r/n/s/d", "new")
		f.put("/r/n/s/a", "new") // 6, as the one that was lost
		lists := 0
		f.set(func() {
			f.pageSize = 1
			f.onPage = func(_ context.Context, page int) error {
				if page == 0 {
					lists++
				}
				if lists == 1 && page == 0 { // the one that would have shown it
					f.put("/r/n/s/b", "new") // 7, as the one that was lost
					f.put("/r/n/s/e", "new")
					f.put("/r/n/s/e", "newer") // 9: no list shows that it was moved backward
					return errDown
				}
				return nil
			}
		})
		f.end()
		g.passed(retryBase + 2*relist + retryLimit)
		g.wantEqual()
		if lists != 2 {
			t.Errorf("%d lists, want 2", lists)
		}
	})
}

// TestLaggingMember is a watch that reconnects to a member that is behind: a
// list puts it right, and etcd's revision has not moved backward.
func TestLaggingMember(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) { f.put("/r/n/s/a", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		behind := f.header()
		f.put("/r/n/s/a", "2")
		synctest.Wait()
		f.say(progress(behind))
		g.passed(relist)
		g.wantListed(ReasonStart, ReasonRegressed)
		g.wantEqual()
		if g.rec.look().backward != 0 {
			t.Errorf("%d batches moved backward", g.rec.look().backward)
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

// TestListForAnotherViewShowsRegression: so can that of a range of another view, before
// etcd is again at the revision that the first one was shown.
func TestListForAnotherViewShowsRegression(t *testing.T) {
	t.Parallel()
	several(t, []string{"a/"}, func(f *fakeEtcd) { f.put("/r/a/s/i", "1") }, func(t *testing.T, f *fakeEtcd, g *rig) {
		restore := f.backup()
		f.put("/r/a/s/i", "lost")
		g.passed(time.Millisecond)
		restore()
		g.Mirror.Follow("b/", newRecorder(t))
		synctest.Wait()
		f.put("/r/c/s/i", "1") // no progress shows that etcd went back
		g.passed(retryBase + relist)
		g.wantEqual()
		g.wantFailed(ReasonRegressed)
		g.wantLogged("level=WARN|etcd history changed")
	})
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
