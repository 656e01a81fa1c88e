package etcd

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/registrar"
)

// last returns the last n events, as "put VALUE" and "delete".
func (w *world) last(n int) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, ev := range w.history[len(w.history)-n:] {
		if ev.IsCreate() || ev.IsModify() {
			out = append(out, "put "+string(ev.Kv.Value))
		} else {
			out = append(out, "delete")
		}
	}
	return out
}

func TestUnregisterSaysDownFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		events := w.last(2)
		if !strings.Contains(events[0], `"status":"down"`) || events[1] != "delete" {
			t.Errorf("events are %q", events)
		}
		w.register(t, orders("a"))
		if err := w.client.Close(); err != nil {
			t.Fatal(err)
		}
		events = w.last(2)
		if !strings.Contains(events[0], `"status":"down"`) || events[1] != "delete" {
			t.Errorf("events of Close are %q", events)
		}
		if peek(w, func() int { return len(w.leases) }) != 0 {
			t.Error("Close did not revoke the lease")
		}
	})
}

func TestUnregisterLeavesTheSuccessor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a", "b"))
		w.with(func() {
			w.put(keyA, `{"addresses":["10.0.0.9"]}`, 0)
			w.put("/roster/default/orders/b", `{"addresses":["10.0.0.9"]}`, 0)
		})
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		if err := w.client.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if w.keys() != 2 {
			t.Error("the successor's key is gone")
		}
	})
}

func TestUnregisterOfAKeyNeverWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		lease, _, err := w.grant(t.Context(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		defer w.expire(lease)
		w.with(func() {
			w.put(keyA, `{"addresses":["10.0.0.9"]}`, lease)
			w.put("/roster/default/orders/b", "broken", 0)
		})
		if err := w.client.Unregister(t.Context(), orders("a", "b")); err != nil || w.keys() != 0 {
			t.Errorf("Unregister: %v, %d keys are left", err, w.keys())
		}
		events := w.last(3)
		if !strings.Contains(strings.Join(events, "\n"), `"status":"down"`) {
			t.Errorf("events are %q", events)
		}
	})
}

func TestUnregisterDuringAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, registrar.WithLeaseTTL(time.Hour))
		w.register(t, orders("a", "b"))
		w.set(fakeDown)
		start := time.Now()
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil || time.Since(start) > writeWait {
			t.Errorf("Unregister: %v after %v", err, time.Since(start))
		}
		wantState(t, w.client, "a", registrar.StateUnregistering, registrar.ErrUnavailable)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := w.client.Wait(ctx); !errors.Is(err, registrar.ErrUnavailable) {
			t.Errorf("Wait: %v, want ErrUnavailable", err)
		}
		w.set(fakeUp)
		if err := w.client.Wait(t.Context()); err != nil || w.keys() != 1 || w.get(keyA) != nil {
			t.Errorf("Wait: %v, %d keys", err, w.keys())
		}
	})
}

func TestUnregisterBeforeItWasWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.set(fakeDown)
		w.register(t, orders("a", "b"))
		if err := w.client.Unregister(t.Context(), orders()); err != nil {
			t.Fatal(err)
		}
		w.set(fakeUp)
		if err := w.client.Wait(t.Context()); err != nil || w.keys() != 0 || len(w.client.Status()) != 0 {
			t.Errorf("Wait: %v, %d keys, status %+v", err, w.keys(), w.client.Status())
		}
	})
}

func TestCloseIsBounded(t *testing.T) {
	t.Parallel()
	for _, state := range []fakeState{fakeHung, fakeDown} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.register(t, orders("a"))
			if _, err := w.client.GetService(t.Context(), "orders"); err != nil {
				t.Fatal(err)
			}
			w.set(state)
			waiting := make(chan error, 1)
			go func() { waiting <- w.client.Register(context.Background(), orders("b")) }()
			synctest.Wait()
			start := time.Now()
			err := w.client.Close()
			if took := time.Since(start); took > closeTimeout {
				t.Errorf("Close took %v", took)
			}
			if !errors.Is(err, registrar.ErrUnavailable) {
				t.Errorf("Close: %v, want ErrUnavailable: the instance is still there", err)
			}
			if err := <-waiting; err != nil {
				t.Errorf("Register while closing: %v", err)
			}
			if again := w.client.Close(); again == nil || again.Error() != err.Error() {
				t.Errorf("a second Close: %v", again)
			}
			time.Sleep(2 * ttl)
			if w.keys() != 0 {
				t.Error("the lease is kept alive after Close")
			}
		})
	}
}

func TestCloseWithoutAnything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.set(fakeHung)
		start := time.Now()
		if err := w.client.Close(); err != nil || time.Since(start) != 0 {
			t.Errorf("Close: %v after %v", err, time.Since(start))
		}
	})
}

func TestLeaveOnClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, WithLeaveOnClose())
		w.register(t, orders("a"))
		time.Sleep(ttl)
		if err := w.client.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		time.Sleep(ttl / 2)
		if w.keys() != 1 {
			t.Error("the instance is gone before its lease")
		}
		time.Sleep(ttl)
		if w.keys() != 0 {
			t.Error("the instance outlives its lease")
		}
	})
}

// untouched checks that nobody has marked or deleted the key of the instance a.
func (w *world) untouched(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, ev := range w.history {
		if string(ev.Kv.Key) == keyA && (ev.Type == clientv3.EventTypeDelete || strings.Contains(string(ev.Kv.Value), "down")) {
			t.Errorf("the successor's key was touched: %v of %q at revision %d", ev.Type, ev.Kv.Value, ev.Kv.ModRevision)
		}
	}
}

// TestUnregisterOfAWishNeverSent: it is forgotten, and no order to remove
// whoever comes next.
func TestUnregisterOfAWishNeverSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		other := w.another(t)
		w.set(fakeDown)
		w.register(t, orders("a")) // there is no lease to write it under
		waiting := make(chan error, 1)
		go func() { waiting <- w.client.Wait(t.Context()) }()
		time.Sleep(10 * time.Second)
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil || len(w.client.Status()) != 0 {
			t.Errorf("Unregister: %v, status %+v", err, w.client.Status())
		}
		if err := <-waiting; err != nil {
			t.Errorf("Wait: %v, want nil once nothing is wished for", err)
		}
		w.set(fakeUp)
		if err := other.Register(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		w.untouched(t)
	})
}

// TestUnregisterOfAStaticWishNeverSent: an earlier run of the client can have
// left what it was about to write anew.
func TestUnregisterOfAStaticWishNeverSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.with(func() { w.put(keyA, `{"addresses":["10.0.0.7"],"static":true}`, 0) })
		w.set(fakeDown)
		w.register(t, orders("x"))
		time.Sleep(10 * time.Second) // etcd is known to be away
		w.register(t, static(orders("a")))
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		w.set(fakeUp)
		time.Sleep(30 * time.Second)
		if w.get(keyA) != nil {
			t.Error("it is still there")
		}
	})
}

// TestUnregisterInDoubt: a write came through, its acknowledgement didn't, and
// another client took over.
func TestUnregisterInDoubt(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"once": false, "registered again while away": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.register(t, orders("x")) // so that there is a lease
				other := w.another(t)
				puts := w.late(func() {
					w.register(t, orders("a"))
					time.Sleep(opTimeout - writeWait + time.Millisecond)
				})
				w.carryOut(puts[0])
				if err := other.Register(t.Context(), orders("a")); err != nil {
					t.Fatal(err)
				}
				for range 2 { // the second time without a wish
					if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
						t.Fatal(err)
					}
					time.Sleep(10 * time.Second)
					if again {
						w.set(fakeDown)
						w.register(t, orders("a"))
						_ = w.client.Unregister(t.Context(), orders("a"))
						w.set(fakeUp)
						time.Sleep(10 * time.Second)
					}
				}
				w.untouched(t)
				wantState(t, other, "a", registrar.StateRegistered, nil)
			})
		})
	}
}
