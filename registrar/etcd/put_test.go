package etcd

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/registrar"
)

func TestPermissionDeniedForOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.with(func() { w.denied = func(key string) bool { return key == keyA } })
		var ids []string
		for i := range 50 {
			ids = append(ids, fmt.Sprintf("i%d", i))
		}
		w.register(t, orders(append(ids, "a")...))
		if w.keys() != 50 {
			t.Errorf("%d instances are registered, want 50", w.keys())
		}
		wantState(t, w.client, "a", registrar.StateFailed, registrar.ErrPermission)
		start := time.Now()
		if err := w.client.Wait(context.Background()); !errors.Is(err, registrar.ErrPermission) || time.Since(start) != 0 {
			t.Errorf("Wait: %v after %v, want ErrPermission at once", err, time.Since(start))
		}
		w.register(t, orders("b")) // not held up by the other's failure
		if w.leaseOf("/roster/default/orders/b") <= 0 {
			t.Error("a new instance waits for the one that is refused")
		}
		time.Sleep(time.Hour)
		if n := w.log.count("etcd refuses"); n != 1 {
			t.Errorf("logged %d times, want once", n)
		}
		w.with(func() { w.denied = nil })
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
		w.with(func() { w.fail = rpctypes.ErrAuthFailed })
		w.register(t, static(orders(ids...)))
		if n := peek(w, func() int { return w.failed }); n > 2 {
			t.Errorf("%d log-ins at once", n)
		}
		if err := w.client.Wait(context.Background()); !errors.Is(err, registrar.ErrPermission) {
			t.Errorf("Wait: %v, want ErrPermission", err)
		}
		w.with(func() { w.fail = nil })
		if time.Sleep(round); w.keys() != 50 {
			t.Errorf("%d instances are registered, want 50", w.keys())
		}
	})
}

func TestNoSpace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.register(t, orders("a", "b"))
		w.with(func() { w.noSpace = true })
		w.register(t, orders("c"))
		wantState(t, w.client, "c", registrar.StateFailed, registrar.ErrUnavailable)
		wantState(t, w.client, "a", registrar.StateRegistered, nil)
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil || w.get(keyA) != nil {
			t.Errorf("Unregister without space: %v, key %v", err, w.get(keyA))
		}
		w.with(func() { w.noSpace = false })
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
		largest := peek(w, func() int { return w.largest })
		if w.keys() != 1050 || largest > maxEdits || w.requests() != 11 {
			t.Errorf("%d keys by %d requests of up to %d writes", w.keys(), w.requests(), largest)
		}
		if err := w.client.Unregister(t.Context(), orders()); err != nil || w.keys() != 0 {
			t.Errorf("Unregister: %v, %d keys are left", err, w.keys())
		}
	})
}

func TestChunksBoundBytes(t *testing.T) {
	t.Parallel()
	var jobs []*job
	for range 100 {
		jobs = append(jobs, &job{edit: edit{key: "k", value: make([]byte, 64<<10)}})
	}
	total := 0
	for _, chunk := range chunks(jobs) {
		bytes := 0
		for _, j := range chunk {
			bytes += j.edit.size()
		}
		if total += len(chunk); bytes > maxBytes {
			t.Errorf("a chunk has %d bytes", bytes)
		}
	}
	if total != 100 {
		t.Errorf("the chunks hold %d jobs, want 100", total)
	}
	huge := []*job{{edit: edit{value: make([]byte, 2*maxBytes)}}, {edit: edit{}}}
	if got := chunks(huge); len(got) != 2 || len(got[0]) != 1 {
		t.Errorf("a job beyond the limit is not sent alone: %d chunks", len(got))
	}
}
