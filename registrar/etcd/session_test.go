package etcd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/registrar"
)

const (
	// round is longer than the longest pause before a next try.
	round = retryLimit + 100*time.Millisecond
	// ttl is the lease TTL of the tests.
	ttl = registrar.DefaultLeaseTTL
)

// leaseOf returns the lease of a key; -1 if there is no such key.
func (w *world) leaseOf(key string) clientv3.LeaseID {
	kv := w.get(key)
	if kv == nil {
		return -1
	}
	return clientv3.LeaseID(kv.Lease)
}

func (w *world) keys() int     { return peek(w, func() int { return len(w.kvs) }) }
func (w *world) granted() int  { return peek(w, func() int { return w.grants }) }
func (w *world) requests() int { return peek(w, func() int { return w.applied }) }
func (w *world) at() int64     { return peek(w, func() int64 { return w.revision }) }

func TestLeaseLostIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a", "b"))
		w.register(t, static(orders("s")))
		time.Sleep(10 * ttl) // it is kept alive
		first := w.leaseOf(keyA)
		if first <= 0 || w.leaseOf("/roster/default/orders/b") != first || w.leaseOf("/roster/default/orders/s") != 0 {
			t.Fatalf("a is under lease %d, b and s under others than wished", first)
		}
		w.expire(first)
		time.Sleep(ttl)
		second := w.leaseOf(keyA)
		if second <= 0 || second == first || w.leaseOf("/roster/default/orders/b") != second || w.granted() != 2 {
			t.Errorf("after the loss a is under lease %d, b under %d, %d grants", second, w.leaseOf("/roster/default/orders/b"), w.granted())
		}
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		if n := w.log.count("lease has run out"); n != 1 {
			t.Errorf("the loss was logged %d times, want once", n)
		}
		time.Sleep(10 * ttl)
		if w.leaseOf(keyA) != second {
			t.Error("the new lease is not kept alive")
		}
	})
}

func TestOutageLongerThanTheLease(t *testing.T) {
	t.Parallel()
	for _, state := range []fakeState{fakeHung, fakeDown} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.register(t, orders("a", "b"))
			w.set(state)
			time.Sleep(ttl * 2 / 3)
			synctest.Wait()
			wantState(t, w.client, "a", registrar.StateRegistered, registrar.ErrUnavailable)
			time.Sleep(2 * ttl)
			if w.keys() != 0 {
				t.Fatal("the fake did not expire the lease")
			}
			w.set(fakeUp)
			time.Sleep(round + opTimeout)
			if w.keys() != 2 {
				t.Errorf("%d instances are back, want 2", w.keys())
			}
			wantState(t, w.client, "a", registrar.StateRegistered, nil)
			if lost, back := w.log.count("no contact"), w.log.count("back in contact"); lost != 1 || back != 1 {
				t.Errorf("logged %d losses and %d returns of contact, want one each:\n%s", lost, back, &w.log.Builder)
			}
		})
	}
}

func TestShortOutageKeepsTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		before := w.get(keyA).ModRevision
		w.set(fakeHung)
		time.Sleep(ttl * 4 / 5)
		w.set(fakeUp)
		time.Sleep(ttl)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		if w.granted() != 1 || w.get(keyA).ModRevision != before {
			t.Errorf("%d grants, revision %d; want the lease and the key as before", w.granted(), w.get(keyA).ModRevision)
		}
	})
}

func TestLeaderChangeKeepsTheLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		lease := w.leaseOf(keyA)
		for range 5 {
			w.changeLeader()
			time.Sleep(2 * ttl)
		}
		if w.leaseOf(keyA) != lease || w.granted() != 1 {
			t.Errorf("a is under lease %d after %d grants, want %d and 1", w.leaseOf(keyA), w.granted(), lease)
		}
	})
}

func TestLeaseZeroIsRefused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.with(func() { w.zero = true })
		w.register(t, orders("a"))
		time.Sleep(round)
		if w.keys() != 0 {
			t.Error("a key without a lease was written")
		}
		wantState(t, w.client, "a", registrar.StateFailed, errLeaseZero)
		w.with(func() { w.zero = false })
		time.Sleep(round)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
	})
}

func TestHungEtcdDoesNotHoldUpTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.set(fakeHung)
		start := time.Now()
		w.register(t, orders("a"))
		if took := time.Since(start); took != writeWait {
			t.Errorf("the first Register took %v, want %v", took, writeWait)
		}
		start = time.Now()
		w.register(t, orders("b"))
		if err := w.client.Unregister(t.Context(), orders("c")); err != nil {
			t.Error(err)
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("further calls took %v, want no wait", took)
		}
		time.Sleep(opTimeout)
		wantState(t, w.client, "a", registrar.StatePending, registrar.ErrUnavailable)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.client.Wait(ctx); !errors.Is(err, registrar.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait: %v, want ErrUnavailable and DeadlineExceeded", err)
		}
		w.set(fakeUp)
		if err := w.client.Wait(t.Context()); err != nil || w.keys() != 2 {
			t.Errorf("after the return Wait says %v, %d keys", err, w.keys())
		}
		start = time.Now()
		w.register(t, orders("d"))
		if w.keys() != 3 || time.Since(start) != 0 {
			t.Error("Register doesn't wait for the write again")
		}
	})
}

func TestRegisterWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.set(fakeHung)
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		start := time.Now()
		if err := w.client.Register(ctx, orders("a")); err != nil {
			t.Errorf("Register: %v, want nil: it is accepted", err)
		}
		if took := time.Since(start); took != 300*time.Millisecond {
			t.Errorf("Register took %v", took)
		}
		if err := w.client.Register(ctx, orders("b")); err != nil {
			t.Errorf("Register with a context that is done: %v", err)
		}
		w.set(fakeUp)
		time.Sleep(round)
		if w.keys() != 2 {
			t.Errorf("%d instances are registered, want 2", w.keys())
		}
	})
}

func TestEtcdDownAtStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.set(fakeDown)
		start := time.Now()
		for i := range 20 {
			w.register(t, orders(fmt.Sprintf("i%d", i)))
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("20 calls took %v", took)
		}
		time.Sleep(time.Hour)
		if n := w.log.count("level=WARN"); n != 1 {
			t.Errorf("%d warnings in an hour, want 1:\n%s", n, &w.log.Builder)
		}
		w.set(fakeUp)
		time.Sleep(round)
		if w.keys() != 20 {
			t.Errorf("%d instances are registered, want 20", w.keys())
		}
	})
}

func TestDeletedKeyIsPutBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		w.register(t, static(orders("s")))
		time.Sleep(time.Minute)
		w.with(func() { w.delete(keyA); w.delete("/roster/default/orders/s") })
		synctest.Wait()
		if w.leaseOf(keyA) <= 0 || w.leaseOf("/roster/default/orders/s") != 0 {
			t.Error("deleted keys are not put back at once")
		}
		// Somebody who deletes it over and over doesn't cause a storm.
		writes := w.requests()
		for range 1000 {
			w.with(func() { w.delete(keyA) })
			time.Sleep(10 * time.Millisecond)
		}
		if n := w.requests() - writes; n > 200 {
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
		lease, value := w.leaseOf(keyA), string(w.get(keyA).Value)

		w.with(func() { w.put(keyA, "under our lease", lease) })
		synctest.Wait()
		if got := string(w.get(keyA).Value); got != value {
			t.Errorf("the value under the own lease is %q", got)
		}

		w.with(func() { w.put(keyA, "another's", 0) })
		time.Sleep(time.Hour)
		wantState(t, w.client, "a", registrar.StateSuperseded, registrar.ErrSuperseded)
		if got := string(w.get(keyA).Value); got != "another's" {
			t.Errorf("another's value became %q", got)
		}
		if n := w.log.count("taken over"); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}

		w.with(func() { w.delete(keyA) })
		synctest.Wait()
		if got := string(w.get(keyA).Value); got != value {
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
		if !strings.Contains(string(w.get(keyA).Value), `"weight":7`) || w.at() != 3 {
			t.Errorf("after %d revisions the value is %s", w.at(), w.get(keyA).Value)
		}
	})
}

func TestBrokenWatchMissesNothing(t *testing.T) {
	t.Parallel()
	for _, compact := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.register(t, orders("a", "b"))
			w.with(func() {
				w.delete(keyA)
				w.put("/roster/default/orders/b", "another's", 0)
				if compact {
					w.forget()
				}
				w.breakWatches()
			})
			time.Sleep(2 * round)
			wantState(t, w.client, "a", registrar.StateRegistered, nil)
			wantState(t, w.client, "b", registrar.StateSuperseded, registrar.ErrSuperseded)
			if w.leaseOf(keyA) <= 0 {
				t.Error("the deleted key is not back")
			}
			w.with(func() { w.delete(keyA) })
			synctest.Wait()
			if w.leaseOf(keyA) <= 0 {
				t.Error("the new watch doesn't work")
			}
		})
	}
}

// TestRestoredEtcd is an etcd that comes back from a backup: at a lower
// revision, without the lease and the keys.
func TestRestoredEtcd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 50 {
			s := orders("a", "b")
			s.Instances[0].Weight = uint16(i + 1)
			w.register(t, s)
		}
		w.with(func() {
			for id, l := range w.leases {
				l.timer.Stop()
				delete(w.leases, id)
			}
			clear(w.kvs)
			w.history, w.revision = nil, 1
		})
		time.Sleep(ttl)
		if w.keys() != 2 {
			t.Fatalf("%d instances are back, want 2", w.keys())
		}
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		w.with(func() { w.delete(keyA) })
		synctest.Wait()
		if w.leaseOf(keyA) <= 0 {
			t.Error("deletions are not seen at the lower revision")
		}
		before := w.requests()
		time.Sleep(time.Minute)
		if n := w.requests() - before; n != 0 {
			t.Errorf("%d writes without a cause", n)
		}
	})
}

func TestPermissionDeniedForOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.with(func() { w.denied = func(key string) bool { return key == keyA } })
		var ids []string
		for i := range 50 {
			ids = append(ids, fmt.Sprintf("i%d", i))
		}
		w.register(t, orders(append(ids, "a")...))
		if w.keys() != 50 {
			t.Errorf("%d instances are registered, want 50", w.keys())
		}
		wantState(t, w.client, "a", registrar.StateFailed, registrar.ErrPermission)
		start := time.Now()
		if err := w.client.Wait(context.Background()); !errors.Is(err, registrar.ErrPermission) || time.Since(start) != 0 {
			t.Errorf("Wait: %v after %v, want ErrPermission at once", err, time.Since(start))
		}
		w.register(t, orders("b")) // not held up by the other's failure
		if w.leaseOf("/roster/default/orders/b") <= 0 {
			t.Error("a new instance waits for the one that is refused")
		}
		time.Sleep(time.Hour)
		if n := w.log.count("etcd refuses"); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}
		w.with(func() { w.denied = nil })
		time.Sleep(round)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
	})
}

func TestNoSpace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a", "b"))
		w.with(func() { w.noSpace = true })
		w.register(t, orders("c"))
		wantState(t, w.client, "c", registrar.StateFailed, registrar.ErrUnavailable)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil || w.get(keyA) != nil {
			t.Errorf("Unregister without space: %v, key %v", err, w.get(keyA))
		}
		w.with(func() { w.noSpace = false })
		time.Sleep(round)
		wantState(t, w.client, "c", registrar.StateRegistered, nil)
	})
}

func TestManyInstancesGoInBatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var ids []string
		for i := range 1050 {
			ids = append(ids, fmt.Sprintf("i%d", i))
		}
		w.register(t, orders(ids...))
		largest := peek(w, func() int { return w.largest })
		if w.keys() != 1050 || largest > maxEdits || w.requests() != 11 {
			t.Errorf("%d keys by %d requests of up to %d writes", w.keys(), w.requests(), largest)
		}
		if err := w.client.Unregister(t.Context(), orders()); err != nil || w.keys() != 0 {
			t.Errorf("Unregister: %v, %d keys are left", err, w.keys())
		}
	})
}

func TestChunksBoundBytes(t *testing.T) {
	t.Parallel()
	var jobs []*job
	for range 100 {
		jobs = append(jobs, &job{edit: edit{key: "k", value: make([]byte, 64<<10)}})
	}
	total := 0
	for _, chunk := range chunks(jobs) {
		bytes := 0
		for _, j := range chunk {
			bytes += j.edit.size()
		}
		if total += len(chunk); bytes > maxBytes {
			t.Errorf("a chunk has %d bytes", bytes)
		}
	}
	if total != 100 {
		t.Errorf("the chunks hold %d jobs, want 100", total)
	}
	huge := []*job{{edit: edit{value: make([]byte, 2*maxBytes)}}, {edit: edit{}}}
	if got := chunks(huge); len(got) != 2 || len(got[0]) != 1 {
		t.Errorf("a job beyond the limit is not sent alone: %d chunks", len(got))
	}
}
