package writer

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

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
		if w.Leases() != 0 {
			t.Error("Close did not revoke the lease")
		}
	})
}

// TestUnregisterLeavesTheSuccessor: Unregister compares the lease. Without that, as in most
// registries, a process that ends deletes the key of its successor.
func TestUnregisterLeavesTheSuccessor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a", "b"))
		w.Put(keyA, `{"addresses":["10.0.0.9"]}`, 0)
		w.Put(keyB, `{"addresses":["10.0.0.9"]}`, 0)
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		if err := w.client.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		if w.Len() != 2 {
			t.Error("the successor's key is gone")
		}
	})
}

func TestUnregisterOfAKeyNeverWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		lease, _, err := w.Store.Grant(t.Context(), time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		defer w.Expire(lease)
		w.Put(keyA, `{"addresses":["10.0.0.9"]}`, lease)
		w.Put(keyB, "broken", 0)
		if err := w.client.Unregister(t.Context(), orders("a", "b")); err != nil || w.Len() != 0 {
			t.Errorf("Unregister: %v, %d keys are left", err, w.Len())
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
		w := newWorld(t, withTTL(time.Hour))
		w.register(t, orders("a", "b"))
		w.SetState(faulty.Down)
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
		w.SetState(faulty.Up)
		if err := w.client.Wait(t.Context()); err != nil || w.Len() != 1 || w.Get(keyA) != nil {
			t.Errorf("Wait: %v, %d keys", err, w.Len())
		}
	})
}

func TestUnregisterBeforeItWasWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.SetState(faulty.Down)
		w.register(t, orders("a", "b"))
		if err := w.client.Unregister(t.Context(), orders()); err != nil {
			t.Fatal(err)
		}
		w.SetState(faulty.Up)
		if err := w.client.Wait(t.Context()); err != nil || w.Len() != 0 || len(w.client.Status()) != 0 {
			t.Errorf("Wait: %v, %d keys, status %+v", err, w.Len(), w.client.Status())
		}
	})
}

func TestCloseIsBounded(t *testing.T) {
	t.Parallel()
	for _, state := range []faulty.State{faulty.Hung, faulty.Down} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			w.register(t, orders("a"))
			w.SetState(state)
			waiting := make(chan error, 1)
			go func() { waiting <- w.client.Register(context.Background(), orders("b")) }()
			synctest.Wait()
			start := time.Now()
			err := w.client.Close()
			if took := time.Since(start); took > closeTime {
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
			if w.Len() != 0 {
				t.Error("the lease is renewed after Close")
			}
		})
	}
}

func TestCloseWithoutAnything(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.SetState(faulty.Hung)
		start := time.Now()
		if err := w.client.Close(); err != nil || time.Since(start) != 0 {
			t.Errorf("Close: %v after %v", err, time.Since(start))
		}
	})
}

func TestLeaveOnClose(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, leaveOnClose)
		w.register(t, orders("a"))
		time.Sleep(ttl)
		if err := w.client.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
		time.Sleep(ttl / 2)
		if w.Len() != 1 {
			t.Error("the instance is gone before its lease")
		}
		time.Sleep(ttl)
		if w.Len() != 0 {
			t.Error("the instance outlives its lease")
		}
	})
}

// untouched checks that nobody has marked or deleted the key of the instance a.
func (w *world) untouched(t *testing.T) {
	t.Helper()
	for _, ev := range w.Events(0) {
		if string(ev.Kv.Key) == keyA && (ev.Type == mvccpb.Event_DELETE || strings.Contains(string(ev.Kv.Value), "down")) {
			t.Errorf("the successor's key was touched: %v of %q at revision %d", ev.Type, ev.Kv.Value, ev.Kv.ModRevision)
		}
	}
}

// TestUnregisterOfWhatWasNeverSent: it is forgotten, and no order to remove
// whoever comes next.
func TestUnregisterOfWhatWasNeverSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		other := w.another(t)
		w.SetState(faulty.Down)
		w.register(t, orders("a")) // there is no lease to write it under
		waiting := make(chan error, 1)
		go func() { waiting <- w.client.Wait(t.Context()) }()
		time.Sleep(10 * time.Second)
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil || len(w.client.Status()) != 0 {
			t.Errorf("Unregister: %v, status %+v", err, w.client.Status())
		}
		if err := <-waiting; err != nil {
			t.Errorf("Wait: %v, want nil once nothing is desired", err)
		}
		w.SetState(faulty.Up)
		if err := other.Register(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		w.untouched(t)
	})
}

// TestUnregisterOfAStaticThatWasNeverSent: an earlier run of the client can have
// left what it was about to write anew.
func TestUnregisterOfAStaticThatWasNeverSent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Put(keyA, `{"addresses":["10.0.0.7"],"static":true}`, 0)
		w.SetState(faulty.Down)
		w.register(t, orders("x"))
		time.Sleep(10 * time.Second) // etcd is known to be away
		w.register(t, static(orders("a")))
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		w.SetState(faulty.Up)
		time.Sleep(30 * time.Second)
		if w.Get(keyA) != nil {
			t.Error("it is still there")
		}
	})
}

// TestUnregisterOfAnUnacknowledgedWrite: a write came through, its acknowledgement didn't, and
// another client took over.
func TestUnregisterOfAnUnacknowledgedWrite(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"once": false, "registered again while away": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.register(t, orders("x")) // so that there is a lease
				other := w.another(t)
				puts := w.unanswered(func() {
					w.register(t, orders("a"))
					time.Sleep(opTimeout - writeWait + time.Millisecond)
				})
				w.carryOut(t, puts[0])
				if err := other.Register(t.Context(), orders("a")); err != nil {
					t.Fatal(err)
				}
				for range 2 { // the second time with nothing desired
					if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
						t.Fatal(err)
					}
					time.Sleep(10 * time.Second)
					if again {
						w.SetState(faulty.Down)
						w.register(t, orders("a"))
						_ = w.client.Unregister(t.Context(), orders("a"))
						w.SetState(faulty.Up)
						time.Sleep(10 * time.Second)
					}
				}
				w.untouched(t)
				wantState(t, other, "a", registrar.StateRegistered, nil)
			})
		})
	}
}

// TestRegisterAgainTakesTheIDBack: after Unregister it is as for the first time.
func TestRegisterAgainTakesTheIDBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		w.Put(keyA, value, 0)
		w.register(t, orders("a"))
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		if w.leaseOf(keyA) <= 0 {
			t.Errorf("the key is %v", w.Get(keyA))
		}
	})
}

// TestUnregisterBesideWhatHasNoSpace: without space etcd takes deletions still, and
// what it refuses doesn't hold them up.
func TestUnregisterBesideWhatHasNoSpace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		w.SetState(faulty.Down)
		w.register(t, orders("b"))
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		w.Set(func(f *faulty.Faults) { f.State, f.NoSpace = faulty.Up, true })
		time.Sleep(2 * round)
		wantState(t, w.client, "b", registrar.StateFailed, registrar.ErrUnavailable)
		if w.Len() != 0 {
			t.Error("the instance that was unregistered is there still")
		}
	})
}
