package etcd

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/registrar"
)

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
			other := w.another(t)
			if err := other.Register(t.Context(), orders("b")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			w.set(state)
			time.Sleep(ttl * 2 / 3)
			synctest.Wait()
			wantState(t, w.client, "a", registrar.StateRegistered, registrar.ErrUnavailable)
			wantState(t, w.client, "b", registrar.StateSuperseded, registrar.ErrUnavailable)
			wantState(t, w.client, "b", registrar.StateSuperseded, registrar.ErrSuperseded)
			if err := other.Close(); !errors.Is(err, registrar.ErrUnavailable) {
				t.Errorf("Close of the other: %v", err)
			}
			for range 2 * ttl / time.Second {
				time.Sleep(time.Second)
				if st := statusOf(w.client, "a"); !errors.Is(st.Err, registrar.ErrUnavailable) {
					t.Fatalf("while etcd is away the status is %+v", st)
				}
			}
			if w.keys() != 0 {
				t.Fatal("the fake did not expire the lease")
			}
			w.set(fakeUp)
			time.Sleep(round + opTimeout)
			if w.keys() != 2 {
				t.Errorf("%d instances are back, want 2", w.keys())
			}
			wantState(t, w.client, "a", registrar.StateRegistered, nil)
			if lost, back := w.log.count("no contact"), w.log.count("back in contact"); lost != 2 || back != 1 {
				t.Errorf("logged %d losses of two clients and %d returns of contact, want 2 and 1:\n%s", lost, back, &w.log.Builder)
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
