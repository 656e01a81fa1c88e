package writer

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

func TestPermissionDeniedForOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.Set(func(f *faulty.Faults) { f.Denied = func(key string) bool { return key == keyA } })
		var ids []string
		for i := range 50 {
			ids = append(ids, fmt.Sprintf("i%d", i))
		}
		w.register(t, orders(append(ids, "a")...))
		if w.Len() != 50 {
			t.Errorf("%d instances are registered, want 50", w.Len())
		}
		wantState(t, w.client, "a", registrar.StateFailed, registrar.ErrPermission)
		start := time.Now()
		if err := w.client.Wait(context.Background()); !errors.Is(err, registrar.ErrPermission) || time.Since(start) != 0 {
			t.Errorf("Wait: %v after %v, want ErrPermission at once", err, time.Since(start))
		}
		w.register(t, orders("b")) // not held up by the other's failure
		if w.leaseOf(keyB) <= 0 {
			t.Error("a new instance waits for the one that is refused")
		}
		time.Sleep(time.Hour)
		if n := w.log.count("etcd rejected a request"); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}
		w.Set(func(f *faulty.Faults) { f.Denied = nil })
		time.Sleep(round)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
	})
}

func TestWrongPasswordIsNotTriedForEachInstance(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		var ids []string
		for i := range 50 {
			ids = append(ids, fmt.Sprintf("i%d", i))
		}
		w.Set(func(f *faulty.Faults) { f.Fail = rpctypes.ErrAuthFailed })
		w.register(t, static(orders(ids...)))
		if n := w.Counts().Failed; n > 2 {
			t.Errorf("%d log-ins at once", n)
		}
		if err := w.client.Wait(t.Context()); !errors.Is(err, registrar.ErrPermission) {
			t.Errorf("Wait: %v, want ErrPermission at once", err)
		}
		if err := w.client.Wait(context.Background()); !errors.Is(err, registrar.ErrPermission) {
			t.Errorf("Wait: %v, want ErrPermission", err)
		}
		w.Set(func(f *faulty.Faults) { f.Fail = nil })
		if time.Sleep(round); w.Len() != 50 {
			t.Errorf("%d instances are registered, want 50", w.Len())
		}
	})
}

func TestNoSpace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a", "b"))
		w.Set(func(f *faulty.Faults) { f.NoSpace = true })
		w.register(t, orders("c"))
		wantState(t, w.client, "c", registrar.StateFailed, registrar.ErrUnavailable)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil || w.Get(keyA) != nil {
			t.Errorf("Unregister without space: %v, key %v", err, w.Get(keyA))
		}
		w.Set(func(f *faulty.Faults) { f.NoSpace = false })
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
		largest := w.Counts().Largest
		if w.Len() != 1050 || largest > maxOperations || w.Counts().Txns != 9 {
			t.Errorf("%d keys by %d requests of up to %d writes", w.Len(), w.Counts().Txns, largest)
		}
		if err := w.client.Unregister(t.Context(), orders()); err != nil || w.Len() != 0 {
			t.Errorf("Unregister: %v, %d keys are left", err, w.Len())
		}
	})
}

func TestChunksBoundBytes(t *testing.T) {
	t.Parallel()
	of := func(bytes int) task { return task{entry: &entry{key: "k"}, op: operation{value: make([]byte, bytes)}} }
	var tasks []task
	for range 100 {
		tasks = append(tasks, of(64<<10))
	}
	total := 0
	for _, chunk := range chunks(root, tasks) {
		bytes := 0
		for _, k := range chunk {
			bytes += len(k.op.value)
		}
		if total += len(chunk); bytes > maxBytes {
			t.Errorf("a chunk has %d bytes", bytes)
		}
	}
	if total != 100 {
		t.Errorf("the chunks hold %d tasks, want 100", total)
	}
	if got := chunks(root, []task{of(2 * maxBytes), of(0)}); len(got) != 2 || len(got[0]) != 1 {
		t.Errorf("a task beyond the limit is not sent alone: %d chunks", len(got))
	}
}
