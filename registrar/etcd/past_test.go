package etcd

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
	kv := w.get(keyA)
	if kv == nil || !strings.Contains(string(kv.Value), fmt.Sprintf(`"weight":%d,`, weight)) {
		t.Errorf("the key is %v, want the weight %d", kv, weight)
	}
}

// late returns the puts of the instance a that timed out while the function
// ran.
func (w *world) late(fn func()) [][]edit {
	w.with(func() { w.keeping, w.state = true, fakeHung })
	fn()
	var out [][]edit
	w.with(func() {
		for _, edits := range w.kept {
			if edits[0].action == actionPut {
				out = append(out, edits)
			}
		}
		w.kept, w.keeping, w.state = nil, false, fakeUp
	})
	return out
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
				if err := w.client.Unregister(t.Context(), orders("a")); err != nil || w.keys() != 0 {
					t.Fatalf("Unregister: %v, %d keys", err, w.keys())
				}
				w.register(t, weighted(20))
			}
			for _, edits := range puts {
				w.carryOut(edits)
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
		edits := puts[0]
		edits[0].when = always
		w.carryOut(edits)
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
		w.set(fakeDown)
		for i := range 3 * maxDoubts {
			w.register(t, weighted(uint16(i+1)))
			time.Sleep(round)
		}
		s := w.client.Registry.(*driver).parts.Load().writer
		s.mu.Lock()
		n := len(s.pasts[keyA].doubts)
		s.mu.Unlock()
		if n != maxDoubts {
			t.Errorf("%d values are in doubt, want %d", n, maxDoubts)
		}
		w.set(fakeUp)
		time.Sleep(round)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		before := n
		for i := range 10 {
			w.register(t, weighted(uint16(1000+i)))
		}
		s.mu.Lock()
		n = len(s.pasts[keyA].doubts)
		s.mu.Unlock()
		if n > before {
			t.Errorf("%d values are in doubt though all were acknowledged", n)
		}
	})
}

// TestWatchAheadOfTheAnswer: the watch shows a write whose answer is still on
// its way when the wish has changed already.
func TestWatchAheadOfTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, weighted(1))
		w.set(fakeHung)
		go func() { _ = w.client.Register(context.Background(), weighted(2)) }()
		synctest.Wait()
		w.register(t, weighted(3))
		s := w.client.Registry.(*driver).parts.Load().writer
		s.mu.Lock()
		sent := s.wishes[keyA].value
		s.mu.Unlock()
		value := strings.Replace(string(sent), `"weight":3,`, `"weight":2,`, 1)
		w.with(func() { w.put(keyA, value, 0) })
		s.observe(t.Context(), keyA, w.get(keyA), false)
		if st := statusOf(w.client, "a"); st.State == registrar.StateSuperseded {
			t.Error("superseded by itself")
		}
		time.Sleep(opTimeout)
		w.set(fakeUp)
		time.Sleep(2 * round)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		w.wantWeight(t, 3)
	})
}

// pastsOf returns how many keys a client remembers having written, and whether
// the key of the instance a is among them.
func pastsOf(c *registrar.Client) (n int, ofA bool) {
	s := c.Registry.(*driver).parts.Load().writer
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pasts), s.pasts[keyA] != nil
}

// TestPastsAreBounded: who registers ever new IDs doesn't fill memory.
func TestPastsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		s := w.client.Registry.(*driver).parts.Load().writer
		s.mu.Lock()
		for i := range 2 * maxPasts {
			p := s.history(fmt.Sprintf("key %d", i))
			p.acked, p.gone = true, time.Now().Add(time.Duration(i)*time.Millisecond)
		}
		s.mu.Unlock()
		w.register(t, orders("a", "b"))
		time.Sleep(2 * lateLimit)
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil || w.keys() != 1 {
			t.Fatalf("Unregister: %v, %d keys", err, w.keys())
		}
		if n, ofA := pastsOf(w.client); n != maxPasts+1 || !ofA {
			t.Errorf("remembers %d keys, the last among them: %v; want that, b, and %d others", n, ofA, maxPasts-1)
		}
		// The last ones are told from a successor's still.
		other := w.another(t)
		if err := other.Register(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		_ = w.client.Unregister(t.Context(), orders("a"))
		if w.get(keyA) == nil {
			t.Error("a successor's key is gone")
		}
	})
}

// TestPastOfNothing: a write that etcd has refused leaves nothing to remember.
func TestPastOfNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.with(func() { w.denied = func(key string) bool { return key == keyA } })
		w.register(t, orders("a"))
		time.Sleep(round)
		w.with(func() { w.denied = nil; w.noSpace = true })
		time.Sleep(round)
		_ = w.client.Unregister(t.Context(), orders("a"))
		time.Sleep(round)
		if n, _ := pastsOf(w.client); n != 0 || len(w.client.Status()) != 0 {
			t.Errorf("remembers %d keys, status %+v", n, w.client.Status())
		}
	})
}
