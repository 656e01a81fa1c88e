package mirror

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

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
