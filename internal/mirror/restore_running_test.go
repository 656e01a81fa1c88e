package mirror

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestRestoreRunning fills what etcd has not shown yet from a snapshot that took
// long to read.
func TestRestoreRunning(t *testing.T) {
	t.Parallel()
	snapshot := []Event{
		{Key: "n/s/ghost", Value: []byte("1"), ModRevision: 2, Lease: 8},
		{Key: "n/s/same", Value: []byte("1"), ModRevision: 2, Lease: 8},
	}
	restore := func(g *rig, rng string) {
		ranges := []RestoredRange{{Range: rng, Revision: 2, Contact: time.Now().Add(-time.Minute)}}
		g.Mirror.RestoreRunning(g.t.Context(), g.rec, Head{Revision: 2}, ranges, slices.Values(snapshot))
	}
	t.Run("while etcd is away", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.put("/r/n/s/same", "1")
			f.set(func() { f.down = true })
			g := start(t, f)
			g.passed(time.Minute)
			restore(g, testRange)
			<-g.Ready()
			g.wantState(Stale)
			g.wantApplied("+n/s/ghost", "+n/s/same")
			f.set(func() { f.down = false })
			g.passed(retryLimit + listSpread)
			g.wantEqual()
			g.wantState(Live)
			g.wantLogged("can't be read yet", "can be read now")
		})
	})
	t.Run("after the list", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.put("/r/n/s/same", "1")
			g := start(t, f)
			synctest.Wait()
			g.wantApplied("+n/s/same")
			restore(g, testRange)
			synctest.Wait()
			g.wantApplied()
			g.wantState(Live)
			g.wantEqual()
		})
	})
	t.Run("during the list", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			f := newFake()
			f.put("/r/n/s/same", "1")
			release := f.hang()
			g := start(t, f)
			synctest.Wait()
			restore(g, testRange)
			<-g.Ready()
			release()
			g.passed(retryLimit + listSpread)
			g.wantEqual()
		})
	})
}
