package etcd

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/registrar"
)

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
		w.with(func() { w.fail = rpctypes.ErrNoLeader; w.breakWatches() })
		time.Sleep(ttl * 3 / 4) // it is noticed by the keepalives
		wantState(t, w.client, "a", registrar.StateRegistered, registrar.ErrUnavailable)
		before := peek(w, func() int { return w.failed })
		time.Sleep(time.Minute)
		if n := peek(w, func() int { return w.failed }) - before; n < 10 || n > 100 {
			t.Errorf("%d requests in a minute, want those of one key", n)
		}
		w.with(func() { w.fail = nil })
		time.Sleep(ttl)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		w.with(func() { w.delete(keyA) })
		synctest.Wait()
		if w.get(keyA) == nil {
			t.Error("the key is not watched any more")
		}
	})
}

// restore makes the fake an etcd that comes back from a backup: at a lower
// revision, without leases and keys.
func (w *world) restore() {
	w.with(func() {
		for id, l := range w.leases {
			l.timer.Stop()
			delete(w.leases, id)
		}
		clear(w.kvs)
		w.history, w.revision = nil, 1
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
		w.with(func() { w.put("/roster/default/orders/superseded", "another's", 0) })
		synctest.Wait()
		wantState(t, w.client, "superseded", registrar.StateSuperseded, registrar.ErrSuperseded)
		w.restore()
		time.Sleep(ttl)
		if w.keys() != 4 {
			t.Fatalf("%d instances are back, want 4", w.keys())
		}
		for _, id := range []string{"a", "b", "s", "superseded"} {
			wantState(t, w.client, id, registrar.StateRegistered, nil)
			key := "/roster/default/orders/" + id
			w.with(func() { w.delete(key) })
			synctest.Wait()
			if w.get(key) == nil {
				t.Errorf("the deletion of %q is not seen at the lower revision:\n%s%+v", id, &w.log.Builder, statusOf(w.client, id))
			}
		}
		before := w.requests()
		time.Sleep(auditEvery / 4)
		if n := w.requests() - before; n != 0 {
			t.Errorf("%d requests without a cause", n)
		}
	})
}

// TestAudit is a client whose only key hangs on no lease, so that nothing tells
// it that etcd went back in time.
func TestAudit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, static(orders("a")))
		w.register(t, static(orders("b")))
		w.restore()
		time.Sleep(auditEvery)
		if w.keys() != 2 {
			t.Errorf("%d instances are back, want 2", w.keys())
		}
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		before, at := w.requests(), w.at()
		time.Sleep(24 * time.Hour)
		if n := w.requests() - before; n > int(24*time.Hour/auditEvery)*2 || w.at() != at {
			t.Errorf("%d requests in a day, and %d revisions", n, w.at()-at)
		}
	})
}

// TestLateWriteUnderAFormerLease: an own write, equal to what is wished, comes
// through under a lease that nobody renews any more.
func TestLateWriteUnderAFormerLease(t *testing.T) {
	t.Parallel()
	for name, superseded := range map[string]bool{"registered": false, "superseded": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				const keyX = "/roster/default/orders/x"
				w := newWorld(t)
				w.register(t, orders("x"))
				former := w.leaseOf(keyX)
				puts := w.late(func() {
					w.register(t, orders("a"))
					time.Sleep(opTimeout - writeWait + time.Millisecond)
				})
				// The lease lives, and is not renewed for the sake of another key.
				w.with(func() { w.denied = func(key string) bool { return key == keyX } })
				time.Sleep(ttl / 2)
				w.with(func() { w.denied = nil })
				time.Sleep(2 * time.Second)
				if id := w.leaseOf(keyA); id == former || id <= 0 || len(puts) != 1 {
					t.Fatalf("%d late writes; lease %v, want another than %v", len(puts), id, former)
				}
				if superseded {
					w.with(func() { w.put(keyA, `{"addresses":["10.0.0.9"]}`, 0) })
					synctest.Wait()
					wantState(t, w.client, "a", registrar.StateSuperseded, registrar.ErrSuperseded)
				}
				w.carryOut(puts[0])
				time.Sleep(2 * time.Second)
				if id := w.leaseOf(keyA); id == former || id <= 0 {
					t.Errorf("the key hangs on the lease %v, the former one is %v", id, former)
				}
				wantState(t, w.client, "a", registrar.StateRegistered, nil)
				written := w.at()
				time.Sleep(ttl / 2)
				if w.at() != written {
					t.Error("what is right is written again")
				}
			})
		})
	}
}

// TestLateWriteAheadOfTheAnswer: the watch shows a write that came through late
// under the last lease before a write under the next one is acknowledged, which
// was made before it.
func TestLateWriteAheadOfTheAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a"))
		s := w.client.Registry.(*driver).parts.Load().writer
		s.mu.Lock()
		defer s.mu.Unlock()
		const next = 4711 // lease
		wish := s.wishes[keyA]
		last, revision := wish.held, wish.revision
		s.own[next] = true
		wish.dirty = true
		wish.set(registrar.StatePending, nil)
		j := wish.job()
		j.edit = s.putEdit(wish)
		j.edit.lease = next
		s.judge(wish, &mvccpb.KeyValue{Key: []byte(keyA), Value: wish.value, Lease: int64(last), ModRevision: revision + 2}, false)
		s.putDone(j, outcome{done: true}, revision+1)
		if !wish.dirty || wish.state == registrar.StateRegistered {
			t.Errorf("%v under %v, want it written again: what came last is under %v", wish.state, wish.held, last)
		}
	})
}
