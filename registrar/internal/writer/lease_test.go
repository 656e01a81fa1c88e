package writer

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

func TestLeaseLostIsReplaced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a", "b"))
		w.register(t, static(orders("s")))
		time.Sleep(10 * ttl) // it is renewed
		first := w.leaseOf(keyA)
		if first <= 0 || w.leaseOf(keyB) != first || w.leaseOf("/roster/default/orders/s") != 0 {
			t.Fatalf("a is under lease %d, b and s under others than desired", first)
		}
		w.Expire(first)
		time.Sleep(ttl)
		second := w.leaseOf(keyA)
		if second <= 0 || second == first || w.leaseOf(keyB) != second || w.Counts().Grants != 2 {
			t.Errorf("after the loss a is under lease %d, b under %d, %d grants", second, w.leaseOf(keyB), w.Counts().Grants)
		}
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		if n := w.log.count("lease has expired"); n != 1 {
			t.Errorf("the loss was logged %d times, want once", n)
		}
		time.Sleep(10 * ttl)
		if w.leaseOf(keyA) != second {
			t.Error("the new lease is not renewed")
		}
	})
}

// TestWriteFindsTheLeaseGone: the lease is replaced at once, and not when the next keepalive
// tells. rpcx#420 wrote again with the ID of the lease that was gone.
func TestWriteFindsTheLeaseGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		time.Sleep(ttl)
		w.Expire(w.leaseOf(keyA))
		start := time.Now()
		w.register(t, orders("b"))
		synctest.Wait()
		if took := time.Since(start); took != 0 || w.leaseOf(keyA) <= 0 || w.leaseOf(keyB) <= 0 || w.Counts().Grants != 2 {
			t.Errorf("after %v a is under lease %d, b under %d, %d grants", took, w.leaseOf(keyA), w.leaseOf(keyB), w.Counts().Grants)
		}
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		wantState(t, w.client, "b", registrar.StateRegistered, nil)
	})
}

// TestOutageLongerThanTheLease: instances come back after an outage of any length. kratos#3883
// gave up after some tries.
func TestOutageLongerThanTheLease(t *testing.T) {
	t.Parallel()
	for _, state := range []faulty.State{faulty.Hung, faulty.Down} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.register(t, orders("a", "b"))
			other := w.another(t)
			if err := other.Register(t.Context(), orders("b")); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			w.SetState(state)
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
			if w.Len() != 0 {
				t.Fatal("the fake did not expire the lease")
			}
			w.SetState(faulty.Up)
			time.Sleep(round + opTimeout)
			if w.Len() != 2 {
				t.Errorf("%d instances are back, want 2", w.Len())
			}
			wantState(t, w.client, "a", registrar.StateRegistered, nil)
			if lost, back := w.log.count("registrar: no contact"), w.log.count("registrar: back in contact"); lost != 2 || back != 1 {
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
		before := w.Get(keyA).ModRevision
		w.SetState(faulty.Hung)
		time.Sleep(ttl * 4 / 5)
		w.SetState(faulty.Up)
		time.Sleep(ttl)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		if w.Counts().Grants != 1 || w.Get(keyA).ModRevision != before {
			t.Errorf("%d grants, revision %d; want the lease and the key as before", w.Counts().Grants, w.Get(keyA).ModRevision)
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
			w.BreakStreams()
			time.Sleep(2 * ttl)
		}
		if w.leaseOf(keyA) != lease || w.Counts().Grants != 1 {
			t.Errorf("a is under lease %d after %d grants, want %d and 1", w.leaseOf(keyA), w.Counts().Grants, lease)
		}
	})
}
