package writer

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

// TestDeletedKeyIsPutBack: a key that somebody deletes is written again. It stayed away in
// go-zero (PR#4960).
func TestDeletedKeyIsPutBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		w.register(t, static(orders("s")))
		time.Sleep(time.Minute)
		w.Delete(keyA, root+"default/orders/s")
		synctest.Wait()
		if w.leaseOf(keyA) <= 0 || w.leaseOf("/roster/default/orders/s") != 0 {
			t.Error("deleted keys are not put back at once")
		}
		// Somebody who deletes it over and over doesn't cause a storm.
		writes := w.Counts().Txns
		for range 1000 {
			w.Delete(keyA)
			time.Sleep(10 * time.Millisecond)
		}
		if n := w.Counts().Txns - writes; n > 200 {
			t.Errorf("%d writes in 10 s", n)
		}
		time.Sleep(round)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
	})
}

func TestOverwrittenKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		lease, value := w.leaseOf(keyA), string(w.Get(keyA).Value)

		w.Put(keyA, "under our lease", lease)
		synctest.Wait()
		if got := string(w.Get(keyA).Value); got != value {
			t.Errorf("the value under the own lease is %q", got)
		}

		w.Put(keyA, "another's", 0)
		time.Sleep(time.Hour)
		wantState(t, w.client, "a", registrar.StateSuperseded, registrar.ErrSuperseded)
		if got := string(w.Get(keyA).Value); got != "another's" {
			t.Errorf("another's value became %q", got)
		}
		if n := w.log.count("superseded by another client"); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}

		w.Delete(keyA)
		synctest.Wait()
		if got := string(w.Get(keyA).Value); got != value {
			t.Errorf("once the ID is free the value is %q", got)
		}
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
	})
}

func TestStaticInstancesDoNotFight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, static(orders("a")))
		other := w.another(t)
		s := static(orders("a"))
		s.Instances[0].Weight = 7
		if err := other.Register(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		wantState(t, w.client, "a", registrar.StateSuperseded, registrar.ErrSuperseded)
		wantState(t, other, "a", registrar.StateRegistered, nil)
		if !strings.Contains(string(w.Get(keyA).Value), `"weight":7`) || w.Revision() != 3 {
			t.Errorf("after %d revisions the value is %s", w.Revision(), w.Get(keyA).Value)
		}
	})
}

func TestBrokenWatchMissesNothing(t *testing.T) {
	t.Parallel()
	for _, compact := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.register(t, orders("a", "b"))
			w.Delete(keyA)
			w.Put(keyB, "another's", 0)
			if compact {
				w.Compact(w.Revision())
			}
			w.BreakStreams()
			time.Sleep(2 * round)
			wantState(t, w.client, "a", registrar.StateRegistered, nil)
			wantState(t, w.client, "b", registrar.StateSuperseded, registrar.ErrSuperseded)
			if w.leaseOf(keyA) <= 0 {
				t.Error("the deleted key is not back")
			}
			w.Delete(keyA)
			synctest.Wait()
			if w.leaseOf(keyA) <= 0 {
				t.Error("the new watch doesn't work")
			}
		})
	}
}

// TestWatchesDoNotAskForEtcd: a member without a leader ends all watches. While
// it has none each key would otherwise ask for it every other second.
func TestWatchesDoNotAskForEtcd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var ids []string
		for i := range 50 {
			ids = append(ids, fmt.Sprintf("i%d", i))
		}
		w.register(t, orders(append(ids, "a")...))
		synctest.Wait() // the watches stand
		w.Set(func(f *faulty.Faults) { f.Fail = rpctypes.ErrNoLeader })
		w.BreakStreams()
		time.Sleep(ttl * 3 / 4) // it is noticed by the keepalives
		wantState(t, w.client, "a", registrar.StateRegistered, registrar.ErrUnavailable)
		before := w.Counts().Failed
		time.Sleep(time.Minute)
		if n := w.Counts().Failed - before; n < 10 || n > 250 {
			t.Errorf("%d requests in a minute, want those of the lease, its keeper and one mirror, not of 51 keys", n)
		}
		w.Set(func(f *faulty.Faults) { f.Fail = nil })
		time.Sleep(ttl)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		w.Delete(keyA)
		synctest.Wait()
		if w.Get(keyA) == nil {
			t.Error("the key is not watched any more")
		}
	})
}

func TestRestoredEtcd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 50 {
			s := orders("a", "b")
			s.Instances[0].Weight = uint16(i + 1)
			w.register(t, s)
		}
		w.register(t, static(orders("s")))
		w.register(t, orders("superseded"))
		w.Put("/roster/default/orders/superseded", "another's", 0)
		synctest.Wait()
		wantState(t, w.client, "superseded", registrar.StateSuperseded, registrar.ErrSuperseded)
		w.restart(nil, 1)
		time.Sleep(ttl)
		if w.Len() != 4 {
			t.Fatalf("%d instances are back, want 4", w.Len())
		}
		for _, id := range []string{"a", "b", "s", "superseded"} {
			wantState(t, w.client, id, registrar.StateRegistered, nil)
			key := "/roster/default/orders/" + id
			w.Delete(key)
			synctest.Wait()
			if w.Get(key) == nil {
				t.Errorf("the deletion of %q is not seen at the lower revision:\n%s%+v", id, &w.log.Builder, statusOf(w.client, id))
			}
		}
		before := w.Counts().Txns
		time.Sleep(auditEvery / 4)
		if n := w.Counts().Txns - before; n != 0 {
			t.Errorf("%d requests without a cause", n)
		}
	})
}

// TestAudit is a client whose keys hang on no lease, so that nothing but the
// mirror tells it that etcd went back in time.
func TestAudit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, static(orders("a")))
		w.register(t, static(orders("b")))
		synctest.Wait() // both are followed
		w.Reset(nil, 1)
		time.Sleep(10 * time.Second)
		if w.Len() != 2 {
			t.Errorf("%d instances are back, want 2", w.Len())
		}
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		before, at := w.Counts().Txns, w.Revision()
		time.Sleep(3 * time.Hour)
		if n := w.Counts().Txns - before; n != 0 || w.Revision() != at {
			t.Errorf("%d requests in three hours without a cause, and %d revisions", n, w.Revision()-at)
		}
	})
}

// TestHistoryGoesBackBeforeAList: the mirror's first list of a key shows that etcd went
// back in time, before what is written then brings it to where it was for another key.
func TestHistoryGoesBackBeforeAList(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, static(orders("a")))
		synctest.Wait() // it is followed
		var once sync.Once
		w.OnRequest(func(kind string) {
			if kind == "List" {
				once.Do(func() { w.Reset(nil, 1) })
			}
		})
		w.register(t, static(orders("b")))
		time.Sleep(10 * time.Second)
		if w.Len() != 2 {
			t.Errorf("%d instances are back, want 2", w.Len())
		}
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		wantState(t, w.client, "b", registrar.StateRegistered, nil)
	})
}

// TestStragglerUnderAFormerLease: an own write, equal to what is desired, comes
// through under a lease that nobody renews any more.
func TestStragglerUnderAFormerLease(t *testing.T) {
	t.Parallel()
	for name, superseded := range map[string]bool{"registered": false, "superseded": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const keyX = "/roster/default/orders/x"
				w := newWorld(t)
				w.register(t, orders("x"))
				former := w.leaseOf(keyX)
				puts := w.unanswered(func() {
					w.register(t, orders("a"))
					time.Sleep(opTimeout - writeWait + time.Millisecond)
				})
				// The lease lives, and is not renewed for the sake of another key.
				w.Set(func(f *faulty.Faults) { f.Denied = func(key string) bool { return key == keyX } })
				time.Sleep(ttl / 2)
				w.Set(func(f *faulty.Faults) { f.Denied = nil })
				time.Sleep(2 * time.Second)
				if id := w.leaseOf(keyA); id == former || id <= 0 || len(puts) != 1 {
					t.Fatalf("%d stragglers; lease %v, want another than %v", len(puts), id, former)
				}
				if superseded {
					w.Put(keyA, `{"addresses":["10.0.0.9"]}`, 0)
					synctest.Wait()
					wantState(t, w.client, "a", registrar.StateSuperseded, registrar.ErrSuperseded)
				}
				w.carryOut(t, puts[0])
				time.Sleep(2 * time.Second)
				if id := w.leaseOf(keyA); id == former || id <= 0 {
					t.Errorf("the key hangs on the lease %v, the former one is %v", id, former)
				}
				wantState(t, w.client, "a", registrar.StateRegistered, nil)
				written := w.Revision()
				time.Sleep(ttl / 2)
				if w.Revision() != written {
					t.Error("what is right is written again")
				}
			})
		})
	}
}

// TestDeletedBeforeItIsFollowed: the mirror's first list of a key comes after
// somebody has deleted it, and shows nothing that could be told of.
func TestDeletedBeforeItIsFollowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Set(func(f *faulty.Faults) { f.HangLists = true })
		w.register(t, orders("a"))
		w.register(t, static(orders("s")))
		synctest.Wait()
		w.Delete(keyA, root+"default/orders/s")
		w.Set(func(f *faulty.Faults) { f.HangLists = false })
		time.Sleep(time.Minute) // the lists time out
		if w.leaseOf(keyA) <= 0 || w.leaseOf(root+"default/orders/s") != 0 {
			t.Errorf("a is under lease %d, s under %d; want both back", w.leaseOf(keyA), w.leaseOf(root+"default/orders/s"))
		}
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		wantState(t, w.client, "s", registrar.StateRegistered, nil)
	})
}

// TestStaticIsFencedByItsRevision: what another client has made of a static
// instance is superseded, and Unregister leaves it.
func TestStaticIsFencedByItsRevision(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, weighted(1))
		synctest.Wait()
		other := w.another(t)
		if err := other.Register(t.Context(), weighted(2)); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		wantState(t, w.client, "a", registrar.StateSuperseded, registrar.ErrSuperseded)
		w.register(t, weighted(3))
		w.wantWeight(t, 2)
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil || len(w.client.Status()) != 0 {
			t.Errorf("Unregister: %v, status %+v", err, w.client.Status())
		}
		time.Sleep(round)
		w.wantWeight(t, 2)
		wantState(t, other, "a", registrar.StateRegistered, nil)
	})
}

// TestFencedStragglerIsHarmless: a write that etcd carries out after a newer one
// finds that its fence doesn't hold.
func TestFencedStragglerIsHarmless(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, weighted(1))
		w.Set(func(f *faulty.Faults) { f.Record, f.State = true, faulty.Hung })
		w.register(t, weighted(2))
		time.Sleep(opTimeout)
		w.Set(func(f *faulty.Faults) { f.State = faulty.Up })
		w.register(t, weighted(3))
		time.Sleep(round + spread(ttl))
		at := w.Revision()
		for _, r := range w.Unanswered() {
			if _, err := w.Store.Txn(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		if w.wantWeight(t, 3); w.Revision() != at {
			t.Errorf("a straggler has written, at revision %d", w.Revision())
		}
	})
}

// TestRefusedThenSeen: a write that etcd has not answered comes through after its
// repetition was refused. What is registered as desired has no error any more.
func TestRefusedThenSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		lease := w.leaseOf(keyA)
		w.Set(func(f *faulty.Faults) { f.State, f.Record = faulty.Hung, true })
		changed := orders("a")
		changed.Instances[0].Weight = 7
		w.register(t, changed)
		time.Sleep(opTimeout)
		w.Set(func(f *faulty.Faults) { f.State, f.NoSpace = faulty.Up, true })
		time.Sleep(ttl)
		wantState(t, w.client, "a", registrar.StateFailed, registrar.ErrUnavailable)
		if leaseNow := w.leaseOf(keyA); leaseNow != lease {
			t.Fatalf("the lease is %d, want still %d", leaseNow, lease)
		}
		for _, r := range w.Unanswered()[:1] {
			if _, err := w.Store.Txn(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(round)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
	})
}
