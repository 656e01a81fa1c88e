package etcd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
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
	return len(*r.names.Load()), len(r.spaces)
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

func TestManyServicesShareOneMirror(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.counting()
		name := func(i int) string { return fmt.Sprintf("s%d", i) }
		for i := range 200 {
			w.write("default/"+name(i)+"/a", value)
		}
		get := func(i int) *registrar.Service {
			t.Helper()
			s, err := w.client.GetService(t.Context(), name(i))
			if err != nil {
				t.Fatalf("%s: %v", name(i), err)
			}
			return s
		}
		for i := range maxNarrow {
			get(i)
		}
		if slices.Contains(c.lists(), "/roster/default/") {
			t.Error("the namespace is mirrored too early")
		}
		get(maxNarrow)
		time.Sleep(10 * time.Second)
		before := len(c.lists())
		for i := range 200 {
			get(i)
		}
		if len(c.lists()) != before || before != maxNarrow+2 || !slices.Contains(c.lists(), "/roster/default/") {
			t.Errorf("%d lists before, %d after", before, len(c.lists()))
		}
		// A change is seen through the shared mirror, and it alone is followed.
		w.write("default/s3/b", value)
		if n := len(get(3).Instances); n != 2 {
			t.Errorf("%d instances, want 2", n)
		}
		c.reset()
		w.with(w.breakWatches)
		time.Sleep(10 * time.Second)
		if !slices.Equal(c.watches(), []string{"/roster/default/"}) {
			t.Errorf("watches after a break: %q", c.watches())
		}
		time.Sleep(idleAfter + 2*sweepEvery)
		if _, spaces := mirrored(w.client); spaces != 0 {
			t.Error("the namespace is not dropped")
		}
	})
}

func TestNamespaceThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.counting()
		w.denied = func(key string) bool { return key == "/roster/default/" }
		for i := range maxNarrow + 10 {
			name := fmt.Sprintf("s%d", i)
			w.write("default/"+name+"/a", value)
			if _, err := w.client.GetService(t.Context(), name); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(time.Minute)
		w.write("default/s70/b", value)
		if s, err := w.client.GetService(t.Context(), "s70"); err != nil || len(s.Instances) != 2 || s.Stale {
			t.Errorf("GetService: %+v, %v", s, err)
		}
		if len(c.lists()) != maxNarrow+10 {
			t.Errorf("%d lists, want one for each service", len(c.lists()))
		}
	})
}

// TestMovingGoesNeverBack holds the namespace's mirror at an old revision while
// the service's own goes on.
func TestMovingGoesNeverBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		r := w.client.Registry.(*driver).parts.Load().reader
		if _, err := w.client.GetService(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		old := &fakeSource{fakeEtcd: newFakeEtcd()}
		old.with(func() { old.put("/roster/default/orders/a", value, 0) })
		w.write("default/orders/b", value)

		r.mu.Lock()
		source := r.source
		r.source = old
		wide := r.open(r.spaces["default"].ctx, "/roster/default/")
		r.source = source
		r.mu.Unlock()
		<-wide.mirror.Synced()
		if r.move(r.spaces["default"], wide) {
			t.Error("moved to a mirror that is behind")
		}
		if s, err := w.client.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 2 {
			t.Errorf("GetService: %+v, %v", s, err)
		}
		old.with(func() { old.put("/roster/default/orders/b", value, 0); old.put("/roster/default/orders/c", value, 0) })
		synctest.Wait()
		if !r.move(r.spaces["default"], wide) {
			t.Error("not moved to a mirror that is ahead")
		}
		if s, err := w.client.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 3 {
			t.Errorf("GetService: %+v, %v", s, err)
		}
	})
}

func TestListCountsValidInstancesOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for key, value := range map[string]string{
			"default/orders/a":          value,
			"default/orders/b":          value,
			"default/down/a":            `{"addresses":["10.0.0.9"],"static":true,"status":"down"}`,
			"default/broken/a":          "{",
			"default/leaseless/a":       `{"addresses":["10.0.0.9"]}`,
			"default/drained/_status/a": `{"status":"down"}`,
			"default/policy/_policy":    `{}`,
			"Bad/orders/a":              value,
			"other/orders/a":            value,
		} {
			w.write(key, value)
		}
		if names, err := w.client.List(t.Context(), "default"); err != nil || !slices.Equal(names, []string{"down", "orders"}) {
			t.Errorf("List: %q, %v", names, err)
		}
		if names, err := w.client.List(t.Context(), ""); err != nil || !slices.Equal(names, []string{"default/down", "default/orders", "other/orders"}) {
			t.Errorf("List of all: %q, %v", names, err)
		}
		w.set(fakeHung)
		start := time.Now()
		if _, err := w.client.List(t.Context(), ""); !errors.Is(err, registrar.ErrUnavailable) || time.Since(start) != listTimeout {
			t.Errorf("List: %v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.client.List(ctx, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("List: %v", err)
		}
		closing := make(chan error, 1)
		go func() {
			_, err := w.client.List(context.Background(), "")
			closing <- err
		}()
		synctest.Wait()
		if err := w.client.Close(); err != nil {
			t.Error(err)
		}
		if err := <-closing; !errors.Is(err, registrar.ErrClosed) {
			t.Errorf("List while closing: %v", err)
		}
	})
}

func TestBrokenNeighboursAreLeftOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		w.write("default/orders/b", strings.Repeat("x", 1000))
		w.write("default/orders/c", `{"addresses":["10.0.0.9"]}`)
		w.write("default/orders/_status/a", `{"status":"draining"}`)
		if _, err := w.client.GetService(t.Context(), "orders"); !errors.Is(err, registrar.ErrNotFound) {
			t.Errorf("GetService: %v, want ErrNotFound: a is draining by an operator's word", err)
		}
		s, err := w.client.GetService(t.Context(), "orders?status=any")
		if err != nil || len(s.Instances) != 1 || s.Instances[0].Status != "draining" {
			t.Errorf("GetService of any status: %+v, %v", s, err)
		}
	})
}

func benchClient(tb testing.TB) *registrar.Client {
	tb.Helper()
	fake := newFakeEtcd()
	for i := range 10 {
		fake.put(fmt.Sprintf("/roster/default/orders/i%d", i), value, 0)
	}
	o, err := registrar.NewOptions(registrar.WithLogger(slog.New(slog.NewTextHandler(io.Discard, nil))))
	if err != nil {
		tb.Fatal(err)
	}
	d := &driver{}
	if err := d.assemble(&parts{
		namespace: o.Namespace,
		writer:    newSession(tb.Context(), fake, o, false),
		reader:    newReader(tb.Context(), &fakeSource{fakeEtcd: fake}, o),
	}); err != nil {
		tb.Fatal(err)
	}
	c := registrar.NewClient(d)
	tb.Cleanup(func() { _ = c.Close() })
	if _, err := c.GetService(tb.Context(), "orders"); err != nil {
		tb.Fatal(err)
	}
	return c
}

func TestGetServiceDoesNotAllocate(t *testing.T) {
	c := benchClient(t)
	ctx := t.Context()
	n := testing.AllocsPerRun(1000, func() {
		if _, err := c.GetService(ctx, "orders"); err != nil {
			t.Error(err)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations per call, want none", n)
	}
}

func BenchmarkGetService(b *testing.B) {
	c := benchClient(b)
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.GetService(ctx, "orders"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGetServiceParallel(b *testing.B) {
	c := benchClient(b)
	ctx := b.Context()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := c.GetService(ctx, "default/orders?status=any"); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
