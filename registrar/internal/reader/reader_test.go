package reader

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
	"github.com/rosterdns/roster/registrar"
)

func TestFirstCallWaitsASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		w.SetState(faulty.Hung)
		start := time.Now()
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if s, err := w.client.GetService(t.Context(), "orders"); !errors.Is(err, registrar.ErrUnavailable) || s != nil {
					t.Errorf("GetService: %v, %v, want ErrUnavailable", s, err)
				}
			})
		}
		wg.Wait()
		if took := time.Since(start); took != firstWait {
			t.Errorf("the first calls took %v, want %v", took, firstWait)
		}
		start = time.Now()
		if _, err := w.client.GetService(t.Context(), "orders"); !errors.Is(err, registrar.ErrUnavailable) || time.Since(start) != 0 {
			t.Errorf("the next call: %v after %v", err, time.Since(start))
		}
		// Another name has a second of its own, unless its context is shorter.
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, err := w.client.GetService(ctx, "others")
		if !errors.Is(err, registrar.ErrUnavailable) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 100*time.Millisecond {
			t.Errorf("with a short context: %v after %v", err, time.Since(start))
		}
		w.SetState(faulty.Up)
		time.Sleep(2 * time.Second)
		if s, err := w.client.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 1 {
			t.Errorf("once etcd is back: %v, %v", s, err)
		}
	})
}

func TestStaleWhileEtcdIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		get := func() *registrar.Service {
			t.Helper()
			s, err := w.client.GetService(t.Context(), "orders")
			if err != nil {
				t.Fatal(err)
			}
			return s
		}
		live := get()
		w.SetState(faulty.Hung)
		time.Sleep(mirror.FreshFor + time.Second)
		stale := get()
		if live.Stale || !stale.Stale || len(stale.Instances) != 1 || get() != stale {
			t.Errorf("live %+v, stale %+v", live, stale)
		}
		time.Sleep(24 * time.Hour)
		if s := get(); !s.Stale || len(s.Instances) != 1 {
			t.Errorf("after a day: %+v", s)
		}
		w.SetState(faulty.Up)
		time.Sleep(10 * time.Second)
		if get().Stale {
			t.Error("stale though etcd is back")
		}
	})
}

func TestLaterCallsDoNoIO(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		for range 1000 {
			for _, name := range []string{"orders", "default/orders", "orders?status=any"} {
				if _, err := w.client.GetService(t.Context(), name); err != nil {
					t.Fatal(err)
				}
			}
		}
		synctest.Wait() // the answer can be there before the watch is
		if c := w.Counts(); len(c.Lists) != 1 || len(c.Watches) != 1 || c.Lists[0] != root+"default/orders/" {
			t.Errorf("lists %q, watches %q; want one of the service", c.Lists, c.Watches)
		}
	})
}

func TestPermissionDeniedIsToldAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		w.Set(func(f *faulty.Faults) { f.Denied = func(key string) bool { return true } })
		start := time.Now()
		if _, err := w.client.GetService(t.Context(), "orders"); !errors.Is(err, registrar.ErrPermission) || time.Since(start) != 0 {
			t.Errorf("GetService: %v after %v", err, time.Since(start))
		}
		if _, err := w.client.List(t.Context(), ""); !errors.Is(err, registrar.ErrPermission) {
			t.Errorf("List: %v", err)
		}
		w.Set(func(f *faulty.Faults) { f.Denied = nil })
		time.Sleep(round)
		if _, err := w.client.GetService(t.Context(), "orders"); err != nil {
			t.Errorf("once it is permitted: %v", err)
		}
	})
}

func TestRangesAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := &w.client.subscriptions
		get := func(name string, want error) {
			t.Helper()
			if _, err := w.client.GetService(t.Context(), name); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
		r.maxRanges, r.maxServices = 3, 100
		get("n1/s", registrar.ErrNotFound)
		get("n2/s", registrar.ErrNotFound)
		get("n3/s", registrar.ErrNotFound)
		get("n4/s", registrar.ErrUnavailable)
		get("n1/s", registrar.ErrNotFound)
		get("n1/s?status=any", registrar.ErrNotFound) // costs no range
		if _, err := w.client.GetService(t.Context(), "n5/s"); err == nil || !strings.Contains(err.Error(), "too many different services") {
			t.Errorf("beyond the bound: %v", err)
		}
		time.Sleep(idleAfter + 2*sweepEvery)
		get("n4/s", registrar.ErrNotFound)

		r.maxRanges, r.maxServices = maxRanges, maxSingly+10
		for i := range maxSingly + 1 {
			get(fmt.Sprintf("n5/s%d", i), registrar.ErrNotFound)
			if i == maxSingly {
				time.Sleep(time.Second) // the namespace is followed as a whole
			}
		}
		if _, _, n := remembered(w.client); n != 2 {
			t.Errorf("%d ranges are followed, want 2", n)
		}
		for i := range 20 {
			w.write(fmt.Sprintf("n5/more%d/a", i), value)
			var want error
			if i >= 8 { // with n4/s
				want = registrar.ErrUnavailable
			}
			get(fmt.Sprintf("n5/more%d", i), want)
		}
		get("n5/missing", registrar.ErrNotFound) // is not remembered
		time.Sleep(idleAfter + 2*sweepEvery)
		get("n5/more19", nil)
	})
}

// TestManyNamesAreAddedQuickly counts what adding a name allocates: not a copy of
// all others.
func TestManyNamesAreAddedQuickly(t *testing.T) {
	w := newWorld(t)
	const names = 20_000
	r := &w.client.subscriptions
	for i := range maxSingly + 1 {
		_, _ = w.client.GetService(t.Context(), fmt.Sprintf("s%d", i))
	}
	for end := time.Now().Add(10 * time.Second); ; {
		r.mu.Lock()
		whole := r.namespaces["default"].whole != nil
		r.mu.Unlock()
		if whole {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the namespace is not followed as a whole")
		}
		runtime.Gosched()
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for i := range names {
		if _, err := w.client.GetService(t.Context(), fmt.Sprintf("more%d", i)); !errors.Is(err, registrar.ErrNotFound) {
			t.Fatal(err)
		}
	}
	runtime.ReadMemStats(&after)
	if n := (after.TotalAlloc - before.TotalAlloc) / names; n > 8<<10 {
		t.Errorf("adding a name allocates %d bytes", n)
	}
}

func TestIdleServicesAreDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		w.write("default/others/a", value)
		get := func(name string) {
			t.Helper()
			if _, err := w.client.GetService(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		get("orders")
		get("default/orders")
		get("others")
		for range 30 {
			time.Sleep(time.Minute)
			get("others")
		}
		if names, _, ranges := remembered(w.client); len(w.Counts().Lists) != 2 || names != 1 || ranges != 1 {
			t.Errorf("lists %q, %d names, %d ranges; want orders dropped and others kept", w.Counts().Lists, names, ranges)
		}
		get("orders")
		if n := len(w.Counts().Lists); n != 3 {
			t.Errorf("a dropped service is not listed again: %q", w.Counts().Lists)
		}
		time.Sleep(idleAfter + 2*sweepEvery)
		if names, namespaces, ranges := remembered(w.client); names != 0 || namespaces != 0 || ranges != 0 {
			t.Errorf("%d names, %d namespaces and %d ranges are left", names, namespaces, ranges)
		}
		// Nothing is followed any more: progress is not asked for.
		before := w.Counts().Progress
		time.Sleep(time.Minute)
		if n := w.Counts().Progress - before; n != 0 {
			t.Errorf("progress was asked for %d times", n)
		}
	})
}

// sweeping is a replica that a sweep comes before, just as it is looked at.
type sweeping struct {
	Replica
	sweep func()
}

func (s *sweeping) Load() *services.Generation {
	s.sweep()
	return s.Replica.Load()
}

// TestDroppedDuringACall: a service that is dropped while somebody asks for it is
// followed again, and not taken for one without instances.
func TestDroppedDuringACall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		if _, err := w.client.GetService(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r := &w.client.subscriptions
		r.replica = &sweeping{r.replica, sync.OnceFunc(func() {
			r.drop(time.Now()) // takes the call for the last one
			r.drop(time.Now().Add(idleAfter))
			synctest.Wait()
		})}
		if s, err := w.client.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 1 || s.Stale {
			t.Errorf("GetService: %+v, %v", s, err)
		}
	})
}

// TestProgressIsAskedForOnce in two seconds for the whole client, however many
// services it reads.
func TestProgressIsAskedForOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 60 {
			_, _ = w.client.GetService(t.Context(), fmt.Sprintf("s%d", i)) // not there
		}
		time.Sleep(time.Minute)
		before := w.Counts().Progress
		time.Sleep(5 * time.Minute)
		if n := w.Counts().Progress - before; n < 100 || n > 151 {
			t.Errorf("progress was asked for %d times in five minutes, want 150 at most", n)
		}
	})
}
