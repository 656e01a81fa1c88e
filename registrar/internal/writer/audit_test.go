package writer

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

// TestGhostInAFollowedRange: what appears under this client's lease in a service
// that is followed, and is not desired, is removed at once.
func TestGhostInAFollowedRange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders(numbered(maxSingly+1)...))
		synctest.Wait()
		w.Put(root+"default/orders/ghost", value, w.leaseOf(root+"default/orders/i0"))
		w.Put(root+"default/orders/other", value, 0)
		synctest.Wait()
		if w.Get(root+"default/orders/ghost") != nil || w.Get(root+"default/orders/other") == nil {
			t.Error("the ghost is there still, or another client's key is gone")
		}
		if n := len(w.client.Status()); n != maxSingly+1 {
			t.Errorf("%d instances are told of", n)
		}
	})
}

// TestGhostElsewhere: what hangs on the lease where nothing is followed is found
// by an audit of the lease: after a reconnect, and every few minutes.
func TestGhostElsewhere(t *testing.T) {
	t.Parallel()
	const ghost = root + "other/service/ghost"
	for name, tt := range map[string]struct {
		happens func(w *world)
		within  time.Duration
	}{
		"after a reconnect":   {func(w *world) { w.BreakStreams() }, ttl},
		"every few minutes":   {func(*world) {}, auditEvery},
		"after a long outage": {func(w *world) { w.SetState(faulty.Down); time.Sleep(ttl * 3 / 4); w.SetState(faulty.Up) }, ttl},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.register(t, orders("a"))
				time.Sleep(ttl)
				w.Put(ghost, value, w.leaseOf(keyA))
				tt.happens(w)
				time.Sleep(tt.within)
				if w.Get(ghost) != nil || w.Get(keyA) == nil {
					t.Errorf("the ghost is %v, the instance %v", w.Get(ghost), w.Get(keyA))
				}
			})
		})
	}
}

// TestAuditAfterAnOutageThatNoKeepaliveMet: what etcd carried out meanwhile is found
// soon after any answer.
func TestAuditAfterAnOutageThatNoKeepaliveMet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		for renewals := w.Counts().Renewals; w.Counts().Renewals == renewals; { // just now
			time.Sleep(10 * time.Millisecond)
			synctest.Wait()
		}
		before := w.Counts().LeaseKeys
		w.SetState(faulty.Down)
		w.register(t, orders("b"))
		w.SetState(faulty.Up)
		time.Sleep(retryLimit + spread(ttl))
		synctest.Wait()
		if w.Get(keyA) == nil || w.Counts().LeaseKeys == before {
			t.Errorf("the lease was not audited after an outage; the instance is %v", w.Get(keyA))
		}
	})
}

// TestUnacknowledgedWritesAreForgotten: many writes under the lease have timed
// out. What is observed, and time, decide them: a later Unregister has nothing to
// follow any more.
func TestUnacknowledgedWritesAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("b"))
		w.Set(func(f *faulty.Faults) { f.LoseAnswers = true })
		for range 5 {
			w.register(t, orders("a"))
			time.Sleep(2 * opTimeout)
		}
		w.Set(func(f *faulty.Faults) { f.LoseAnswers = false })
		if n := w.unacknowledged(); n == 0 {
			t.Fatal("all writes were acknowledged")
		}
		unregister := func() {
			t.Helper()
			if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
				t.Fatal(err)
			}
			time.Sleep(opTimeout + round + spread(ttl)) // what is under way times out first
			if w.Get(keyA) != nil {
				t.Error("the instance is there still")
			}
		}
		unregister()
		before := w.Counts().LeaseKeys
		time.Sleep(stragglerLimit + time.Second)
		synctest.Wait()
		if n := w.Counts().LeaseKeys - before; n == 0 {
			t.Error("the lease was not audited once")
		}
		if n := w.unacknowledged(); n != 0 {
			t.Errorf("%d writes are remembered as unacknowledged", n)
		}
		watches := len(w.Counts().Watches)
		for range 3 {
			w.register(t, orders("a"))
			unregister()
		}
		time.Sleep(round)
		if got := w.Counts().Watches[watches:]; len(got) > 3 {
			t.Errorf("%q were watched for three registrations, want no more for what is unregistered", got)
		}
		var followed int
		w.client.table.with(func() { followed = len(w.client.table.archive.stragglers) })
		if followed != 0 {
			t.Errorf("%d keys are followed for stragglers", followed)
		}
	})
}

// numbered returns n IDs.
func numbered(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("i%d", i))
	}
	return ids
}

// TestKeysAreFollowedSingly: up to 64 of a service; beyond that its range is, in
// one watch, until the last one is gone.
func TestKeysAreFollowedSingly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, id := range numbered(maxSingly) {
			w.register(t, orders(id))
		}
		synctest.Wait()
		if got := w.Counts().Watches; len(got) != maxSingly || slices.Contains(got, root+"default/orders/") {
			t.Errorf("%d watches, the service's among them: %v", len(got), slices.Contains(got, root+"default/orders/"))
		}
		w.register(t, orders("one-more"))
		synctest.Wait()
		for range 2 {
			w.BreakStreams()
			before := len(w.Counts().Watches)
			time.Sleep(2 * round)
			if got := w.Counts().Watches[before:]; !slices.Equal(got, []string{root + "default/orders/"}) {
				t.Errorf("after a break %q are watched, want the service", got)
			}
		}
		w.Delete(root+"default/orders/i7", root+"default/orders/one-more")
		synctest.Wait()
		if n := w.Len(); n != maxSingly+1 {
			t.Errorf("%d instances are there, want those back that were deleted", n)
		}
		if err := w.client.Unregister(t.Context(), orders()); err != nil || w.Len() != 0 {
			t.Fatalf("Unregister: %v, %d keys", err, w.Len())
		}
		synctest.Wait() // the service is followed no more
		w.register(t, orders("a"))
		synctest.Wait()
		if got := w.Counts().Watches; got[len(got)-1] != keyA {
			t.Errorf("%q is watched last, want the one key", got[len(got)-1])
		}
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
	})
}

// TestWhatIsRegisteredIsWrittenOnce: whether the mirror shows a write before it is
// acknowledged, or after, and whatever its key is followed by.
func TestWhatIsRegisteredIsWrittenOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		const instances = 3 * maxSingly
		for i, id := range numbered(instances) {
			s := orders(id)
			if i%3 == 0 {
				s = static(s)
			}
			w.register(t, s)
			if i%5 == 0 {
				synctest.Wait()
			}
		}
		time.Sleep(time.Minute)
		if c := w.Counts(); w.Revision() != 1+instances || c.Txns != instances || c.LeaseKeys != 0 {
			t.Errorf("%d instances took %d transactions, %d revisions and %d audits of the lease", instances, c.Txns, w.Revision()-1, c.LeaseKeys)
		}
		w.BreakStreams()
		w.Compact(w.Revision())
		time.Sleep(time.Minute)
		if c := w.Counts(); w.Revision() != 1+instances || c.Txns != instances {
			t.Errorf("after a break %d transactions and %d revisions", c.Txns-instances, w.Revision()-1-instances)
		}
	})
}
