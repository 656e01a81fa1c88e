package writer

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

func TestHungEtcdDoesNotHoldUpTheCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.SetState(faulty.Hung)
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
		w.SetState(faulty.Up)
		if err := w.client.Wait(t.Context()); err != nil || w.Len() != 2 {
			t.Errorf("after the return Wait says %v, %d keys", err, w.Len())
		}
		start = time.Now()
		w.register(t, orders("d"))
		if w.Len() != 3 || time.Since(start) != 0 {
			t.Error("Register doesn't wait for the write again")
		}
	})
}

func TestRegisterWaitsNoLongerThanItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.SetState(faulty.Hung)
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
		w.SetState(faulty.Up)
		time.Sleep(round)
		if w.Len() != 2 {
			t.Errorf("%d instances are registered, want 2", w.Len())
		}
	})
}

// TestEtcdDownAtStart: Register records what is desired, which is written once etcd is there.
// An etcd that is away blocked or ended the start in go-micro#2144, etcd#9829 and go-zero#2461.
func TestEtcdDownAtStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.SetState(faulty.Down)
		start := time.Now()
		for i := range 20 {
			w.register(t, orders(fmt.Sprintf("i%d", i)))
		}
		if took := time.Since(start); took != 0 {
			t.Errorf("20 calls took %v", took)
		}
		time.Sleep(time.Hour)
		if n := w.log.count(`level=WARN msg="registrar:`); n != 1 {
			t.Errorf("%d warnings in an hour, want 1:\n%s", n, &w.log.Builder)
		}
		w.SetState(faulty.Up)
		time.Sleep(round)
		if w.Len() != 20 {
			t.Errorf("%d instances are registered, want 20", w.Len())
		}
	})
}
