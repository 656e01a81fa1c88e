package etcd

import (
	"context"
	"errors"
	"fmt"
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

func (w *world) keys() int { return peek(w, func() int { return len(w.kvs) }) }

func (w *world) granted() int { return peek(w, func() int { return w.grants }) }

func (w *world) requests() int { return peek(w, func() int { return w.applied }) }

func (w *world) at() int64 { return peek(w, func() int64 { return w.revision }) }

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
