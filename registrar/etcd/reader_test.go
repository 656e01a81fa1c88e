package etcd

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
)

const value = `{"addresses":["10.0.0.9"],"static":true}`

// put writes a static instance as others do.
func (w *world) write(key, value string) {
	w.with(func() { w.put("/roster/"+key, value, 0) })
	synctest.Wait()
}

// counted has the prefixes that were listed and watched.
type counted struct {
	mu             sync.Mutex
	listed, opened []string
}

func (c *counted) lists() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.listed)
}

func (c *counted) watches() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.opened)
}

func (c *counted) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listed, c.opened = nil, nil
}

func (w *world) counting() *counted {
	c := &counted{}
	note := func(to *[]string) func(string) {
		return func(prefix string) {
			c.mu.Lock()
			defer c.mu.Unlock()
			*to = append(*to, prefix)
		}
	}
	w.source.lists, w.source.watches = note(&c.listed), note(&c.opened)
	return c
}

// mirrored returns how many names and namespaces the client's reader holds.
func mirrored(c *registrar.Client) (names, spaces int) {
	r := c.Registry.(*driver).parts.Load().reader
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names.Range(func(any, any) bool { names++; return true })
	return names, len(r.spaces)
}

func TestFirstCallWaitsASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		w.set(fakeHung)
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
		w.set(fakeUp)
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
		w.set(fakeHung)
		time.Sleep(mirror.FreshFor + time.Second)
		stale := get()
		if live.Stale || !stale.Stale || len(stale.Instances) != 1 || get() != stale {
			t.Errorf("live %+v, stale %+v", live, stale)
		}
		time.Sleep(24 * time.Hour)
		if s := get(); !s.Stale || len(s.Instances) != 1 {
			t.Errorf("after a day: %+v", s)
		}
		w.set(fakeUp)
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
		c := w.counting()
		w.write("default/orders/a", value)
		for range 1000 {
			for _, name := range []string{"orders", "default/orders", "orders?status=any"} {
				if _, err := w.client.GetService(t.Context(), name); err != nil {
					t.Fatal(err)
				}
			}
		}
		synctest.Wait() // the answer can be there before the watch is
		if len(c.lists()) != 1 || len(c.watches()) != 1 || c.lists()[0] != "/roster/default/orders/" {
			t.Errorf("lists %q, watches %q; want one of the service", c.lists(), c.watches())
		}
	})
}

func TestPermissionDeniedIsToldAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		w.with(func() { w.denied = func(string) bool { return true } })
		start := time.Now()
		if _, err := w.client.GetService(t.Context(), "orders"); !errors.Is(err, registrar.ErrPermission) || time.Since(start) != 0 {
			t.Errorf("GetService: %v after %v", err, time.Since(start))
		}
		if _, err := w.client.List(t.Context(), ""); !errors.Is(err, registrar.ErrPermission) {
			t.Errorf("List: %v", err)
		}
		w.with(func() { w.denied = nil })
		time.Sleep(round)
		if _, err := w.client.GetService(t.Context(), "orders"); err != nil {
			t.Errorf("once it is permitted: %v", err)
		}
	})
}

func TestMirrorsAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		r := w.client.Registry.(*driver).parts.Load().reader
		get := func(name string, want error) {
			t.Helper()
			if _, err := w.client.GetService(t.Context(), name); !errors.Is(err, want) {
				t.Errorf("%s: %v, want %v", name, err, want)
			}
		}
		r.maxMirrors, r.maxServices = 3, 100
		get("n1/s", registrar.ErrNotFound)
		get("n2/s", registrar.ErrNotFound)
		get("n3/s", registrar.ErrNotFound)
		get("n4/s", registrar.ErrUnavailable)
		get("n1/s", registrar.ErrNotFound)
		get("n1/s?status=any", registrar.ErrNotFound) // costs no mirror
		if _, err := w.client.GetService(t.Context(), "n5/s"); err == nil || !strings.Contains(err.Error(), "too many different services") {
			t.Errorf("beyond the bound: %v", err)
		}
		time.Sleep(idleAfter + 2*sweepEvery)
		get("n4/s", registrar.ErrNotFound)

		r.maxMirrors, r.maxServices = maxMirrors, maxNarrow+10
		for i := range maxNarrow + 1 {
			get(fmt.Sprintf("n5/s%d", i), registrar.ErrNotFound)
			if i == maxNarrow {
				time.Sleep(time.Second) // the namespace is mirrored as a whole
			}
		}
		if n := r.mirrors.Load(); n != 2 {
			t.Errorf("%d mirrors run, want 2", n)
		}
		for i := range 20 {
			want := registrar.ErrNotFound
			if i >= 8 { // with n4/s
				want = registrar.ErrUnavailable
			}
			get(fmt.Sprintf("n5/more%d", i), want)
		}
		time.Sleep(idleAfter + 2*sweepEvery)
		get("n5/more19", registrar.ErrNotFound)
	})
}

// TestManyNamesAreAddedQuickly counts what adding a name allocates: not a copy of
// all others.
func TestManyNamesAreAddedQuickly(t *testing.T) {
	w := newWorld(t)
	const names = 20_000
	r := w.client.Registry.(*driver).parts.Load().reader
	for i := range maxNarrow + 1 {
		_, _ = w.client.GetService(t.Context(), fmt.Sprintf("s%d", i))
	}
	for end := time.Now().Add(10 * time.Second); ; {
		r.mu.Lock()
		wide := r.spaces["default"].wide != nil
		r.mu.Unlock()
		if wide {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the namespace is not mirrored as a whole")
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

func TestIdleMirrorsAreDropped(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.counting()
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
		if names, _ := mirrored(w.client); len(c.lists()) != 2 || names != 1 {
			t.Errorf("lists %q, %d names; want orders dropped and others kept", c.lists(), names)
		}
		get("orders")
		if len(c.lists()) != 3 {
			t.Errorf("a dropped service is not listed again: %q", c.lists())
		}
		time.Sleep(idleAfter + 2*sweepEvery)
		if names, spaces := mirrored(w.client); names != 0 || spaces != 0 {
			t.Errorf("%d names and %d namespaces are left", names, spaces)
		}
		// Nothing is mirrored any more: progress is not asked for.
		w.set(fakeHung)
		before := w.log.count("stale")
		time.Sleep(time.Minute)
		if w.log.count("stale") != before {
			t.Error("a dropped mirror goes on")
		}
	})
}
