package writer

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

// weighted is a static instance a that is told apart by its weight.
func weighted(weight uint16) *registrar.Service {
	s := static(orders("a"))
	s.Instances[0].Weight = weight
	return s
}

// wantWeight checks the weight of the instance a in etcd.
func (w *world) wantWeight(t *testing.T, weight uint16) {
	t.Helper()
	kv := w.Get(keyA)
	if kv == nil || !strings.Contains(string(kv.Value), fmt.Sprintf(`"weight":%d,`, weight)) {
		t.Errorf("the key is %v, want the weight %d", kv, weight)
	}
}

// late returns the puts of the instance a that timed out while the function
// ran, without their fences: as where these hold again.
func (w *world) late(fn func()) (puts []*pb.RequestOp) {
	w.Set(func(f *faulty.Faults) { f.Keep, f.State = true, faulty.Hung })
	fn()
	for _, r := range w.Kept() {
		for _, op := range r.Success {
			for op.GetRequestTxn() != nil {
				op = op.GetRequestTxn().Success[0]
			}
			if put := op.GetRequestPut(); put != nil && string(put.Key) == keyA {
				puts = append(puts, op)
			}
		}
	}
	w.Set(func(f *faulty.Faults) { f.Keep, f.State = false, faulty.Up })
	return puts
}

// carryOut makes a put after the fact whose request has timed out.
func (w *world) carryOut(t *testing.T, put *pb.RequestOp) {
	t.Helper()
	if _, err := w.Store.Txn(context.Background(), &pb.TxnRequest{Success: []*pb.RequestOp{put}}); err != nil {
		t.Fatal(err)
	}
}

// TestOwnLateWrite has etcd carry out writes that timed out, after newer ones
// of the same client. Lease 0 tells nobody apart, but the client knows what it
// has sent.
func TestOwnLateWrite(t *testing.T) {
	t.Parallel()
	for _, again := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.register(t, weighted(1))
			puts := w.late(func() {
				for i := range 3 {
					w.register(t, weighted(uint16(10+i)))
					time.Sleep(2 * opTimeout)
				}
			})
			if len(puts) < 3 {
				t.Fatalf("%d puts timed out, want 3 at least", len(puts))
			}
			w.register(t, weighted(20))
			time.Sleep(round)
			if again {
				if err := w.client.Unregister(t.Context(), orders("a")); err != nil || w.Len() != 0 {
					t.Fatalf("Unregister: %v, %d keys", err, w.Len())
				}
				w.register(t, weighted(20))
			}
			for _, put := range puts {
				w.carryOut(t, put)
				time.Sleep(2 * round)
				wantState(t, w.client, "a", registrar.StateRegistered, nil)
				w.wantWeight(t, 20)
			}
			// Another client's word counts as before.
			other := w.another(t)
			if err := other.Register(t.Context(), weighted(1)); err != nil { // what was acknowledged is not in doubt
				t.Fatal(err)
			}
			time.Sleep(round)
			wantState(t, w.client, "a", registrar.StateSuperseded, registrar.ErrSuperseded)
			w.wantWeight(t, 1)
		})
	}
}

// TestOwnLateWriteUnderALease: the late write hangs on no lease, the wish has
// changed to one that does.
func TestOwnLateWriteUnderALease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, weighted(1))
		puts := w.late(func() {
			w.register(t, weighted(10))
			time.Sleep(2 * opTimeout)
		})
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(round)
		w.register(t, orders("a"))
		w.carryOut(t, puts[0])
		time.Sleep(2 * round)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		if w.leaseOf(keyA) <= 0 {
			t.Error("the late write stands")
		}
	})
}

// TestDoubtsAreBounded: an outage doesn't fill memory.
func TestDoubtsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.SetState(faulty.Down)
		for i := range 3 * maxUnacknowledged {
			w.register(t, weighted(uint16(i+1)))
			time.Sleep(round)
		}
		n := w.unacknowledged()
		if n != maxUnacknowledged {
			t.Errorf("%d values are in doubt, want %d", n, maxUnacknowledged)
		}
		w.SetState(faulty.Up)
		time.Sleep(round)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		before := n
		for i := range 10 {
			w.register(t, weighted(uint16(1000+i)))
		}
		n = w.unacknowledged()
		if n > before {
			t.Errorf("%d values are in doubt though all were acknowledged", n)
		}
	})
}

// unacknowledged counts the values of the instance a that etcd has not
// acknowledged.
func (w *world) unacknowledged() (n int) {
	t := w.client.table
	t.with(func() { n = len(t.entries["default/orders/a"].history.unacknowledged) })
	return n
}

// TestWatchAheadOfTheAnswer: the watch shows a write whose answer is lost when
// something else is desired already.
func TestWatchAheadOfTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, weighted(1))
		synctest.Wait() // the key is watched
		w.Set(func(f *faulty.Faults) { f.LoseAnswers = true })
		go func() { _ = w.client.Register(context.Background(), weighted(2)) }()
		synctest.Wait()
		w.wantWeight(t, 2)
		go func() { _ = w.client.Register(context.Background(), weighted(3)) }()
		synctest.Wait()
		if st := statusOf(w.client, "a"); st.State == registrar.StateSuperseded {
			t.Error("superseded by itself")
		}
		w.Set(func(f *faulty.Faults) { f.LoseAnswers = false })
		time.Sleep(opTimeout + 2*round)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		w.wantWeight(t, 3)
	})
}

// remembers returns how many keys a client remembers, and whether that of the
// instance a is among them.
func remembers(c *client) (n int, ofA bool) {
	c.table.with(func() { n, ofA = len(c.table.entries), c.table.entries["default/orders/a"] != nil })
	return n, ofA
}

// TestPastIsBounded: who registers ever new IDs doesn't fill memory.
func TestPastIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		table := w.client.table
		table.with(func() {
			for i := range 2 * maxIdle {
				e := table.entry(instance("default", "orders", fmt.Sprintf("i%d", i)))
				e.history.acked = true
				table.retire(e)
			}
		})
		w.register(t, orders("a", "b"))
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil || w.Len() != 1 {
			t.Fatalf("Unregister: %v, %d keys", err, w.Len())
		}
		if n, ofA := remembers(w.client); n != maxIdle+1 || !ofA {
			t.Errorf("remembers %d keys, the last among them: %v; want that, b, and %d others", n, ofA, maxIdle-1)
		}
		// The last ones are told from a successor's still.
		other := w.another(t)
		if err := other.Register(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		_ = w.client.Unregister(t.Context(), orders("a"))
		if w.Get(keyA) == nil {
			t.Error("a successor's key is gone")
		}
	})
}

// TestPastOfNothing: a write that etcd has refused leaves nothing to remember.
func TestPastOfNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Set(func(f *faulty.Faults) { f.Denied = func(key string) bool { return key == keyA } })
		w.register(t, orders("a"))
		time.Sleep(round)
		w.Set(func(f *faulty.Faults) { f.Denied, f.NoSpace = nil, true })
		time.Sleep(round)
		_ = w.client.Unregister(t.Context(), orders("a"))
		time.Sleep(round)
		if n, _ := remembers(w.client); n != 0 || len(w.client.Status()) != 0 {
			t.Errorf("remembers %d keys, status %+v", n, w.client.Status())
		}
	})
}
