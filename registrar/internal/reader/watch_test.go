package reader

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/rosterdns/roster/registrar"
)

// watching is a Watch in a goroutine, for tests under synctest.
type watching struct {
	cancel context.CancelFunc

	mu    sync.Mutex
	seen  []seen
	ended bool
}

// watch watches a name until the end of the test.
func (w *world) watch(t *testing.T, name string) *watching {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	got := &watching{cancel: cancel}
	go func() {
		for service, err := range w.client.Watch(ctx, name) {
			got.mu.Lock()
			got.seen = append(got.seen, seen{service, err})
			got.mu.Unlock()
		}
		got.mu.Lock()
		defer got.mu.Unlock()
		got.ended = true
	}()
	synctest.Wait()
	return got
}

// take returns what was yielded since the last take, as "a,b", with "stale" or the
// error behind it.
func (g *watching) take() (list []string) {
	synctest.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, y := range g.seen {
		list = append(list, y.String())
	}
	g.seen = nil
	return list
}

// seen is what a Watch has yielded.
type seen struct {
	service *registrar.Service
	err     error
}

func (y seen) String() string {
	text := "nil"
	if y.service != nil {
		var ids []string
		for _, in := range y.service.Instances {
			ids = append(ids, in.ID)
		}
		if text = strings.Join(ids, ","); y.service.Stale {
			text += " stale"
		}
	}
	for _, err := range []error{registrar.ErrUnavailable, registrar.ErrPermission, registrar.ErrClosed, registrar.ErrInvalid} {
		if errors.Is(y.err, err) {
			text += " " + err.Error()
		}
	}
	return text
}

// want checks what was yielded since the last look.
func (g *watching) want(t *testing.T, what string, want ...string) {
	t.Helper()
	if got := g.take(); !slices.Equal(got, want) {
		t.Fatalf("%s: yielded %q, want %q", what, got, want)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		g := w.watch(t, "orders")
		g.want(t, "at first", "a")
		w.write("default/orders/b", value)
		g.want(t, "one more", "a,b")
		w.write("default/orders2/c", value)
		w.write("default/orders/_other/c", value)
		g.want(t, "a change of another, and of what is no part of the service")
		w.write("default/orders/_status/a", `{"status":"draining"}`)
		g.want(t, "an override", "b")
		w.Delete(root+"default/orders/b", root+"default/orders/a")
		g.want(t, "none is left", "")
		w.write("default/orders/c", value)
		g.want(t, "another", "c")
		if s, err := w.client.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 1 {
			t.Errorf("GetService: %v, %v", s, err)
		}
		if lists := w.Counts().Lists; len(lists) != 1 {
			t.Errorf("lists: %q, want one", lists)
		}
		g.cancel()
		synctest.Wait()
		if g.want(t, "after the end"); !g.ended {
			t.Error("the loop goes on after its context has ended")
		}
	})
}

// TestWatchOfNothing yields an empty set that can be told from an error.
func TestWatchOfNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for service, err := range w.client.Watch(t.Context(), "prod/orders") {
			if err != nil || service == nil || service.Namespace != "prod" || service.Name != "orders" || service.Instances == nil || len(service.Instances) > 0 || service.Stale {
				t.Errorf("yielded %+v, %v", service, err)
			}
			break
		}
	})
}

// TestWatchSkipsToTheLast: a loop that is slower than the changes gets the last set.
func TestWatchSkipsToTheLast(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		rounds := 0
		for service, err := range w.client.Watch(t.Context(), "orders") {
			if err != nil {
				t.Fatal(err)
			}
			if rounds++; rounds == 2 {
				if len(service.Instances) != 101 {
					t.Errorf("the second set has %d instances, want all 101", len(service.Instances))
				}
				break
			}
			for i := range 100 {
				w.write(fmt.Sprintf("default/orders/i%d", i), value)
			}
		}
	})
}

// TestWatchBatchOfDeletions: a transaction of several deletions is seen whole, as one change.
// Deletions carry no value: instances are found by their key. go-micro delivers the first one
// of three only.
func TestWatchBatchOfDeletions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for _, id := range []string{"a", "b", "c", "d"} {
			w.write("default/orders/"+id, value)
		}
		g := w.watch(t, "orders")
		g.want(t, "at first", "a,b,c,d")
		w.Delete(root+"default/orders/a", root+"default/orders/b", root+"default/orders/c")
		g.want(t, "after three deletions at once", "d")
	})
}

// TestWatchHasNoGap: what changes while the service is listed for the first time, and until it
// is watched, is seen. go-zero#227 lost it.
func TestWatchHasNoGap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		var once sync.Once
		w.OnRequest(func(kind string) {
			if kind == "Stream" { // between the list and the watch
				once.Do(func() { w.Put(root+"default/orders/b", value, 0) })
			}
		})
		g := w.watch(t, "orders")
		if got := g.take(); len(got) == 0 || got[len(got)-1] != "a,b" {
			t.Errorf("yielded %q, want a,b at last", got)
		}
	})
}

// TestWatchOfManyIsOneEtcdWatch: neither a second Watch nor GetService costs etcd another.
// go-zero opened one for each subscriber (PR#5588).
func TestWatchOfManyIsOneEtcdWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		for _, name := range []string{"orders", "orders", "default/orders", "orders?status=any", "orders?tag=x"} {
			w.watch(t, name)
		}
		if _, err := w.client.GetService(t.Context(), "orders"); err != nil {
			t.Error(err)
		}
		if c := w.Counts(); len(c.Watches) != 1 || len(c.Lists) != 1 {
			t.Errorf("etcd has %d watches and %d lists, want one", len(c.Watches), len(c.Lists))
		}
		w.write("default/orders/b", value)
		if n := len(w.Counts().Watches); n != 1 {
			t.Errorf("%d watches", n)
		}
	})
}

func TestWatchSelectors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		tagged := func(tag, locality string) string {
			return fmt.Sprintf(`{"addresses":["10.0.0.9"],"static":true,"tags":[%q],"locality":%q}`, tag, locality)
		}
		w.write("default/orders/a", tagged("canary", "az1"))
		w.write("default/orders/b", tagged("blue", "az2"))
		canary, near := w.watch(t, "orders?tag=canary"), w.watch(t, "orders?prefer=az2")
		canary.want(t, "canary", "a")
		near.want(t, "prefer", "b")
		w.write("default/orders/b", tagged("canary", "az1"))
		canary.want(t, "canary", "a,b")
		near.want(t, "prefer", "a,b")
	})
}

func TestWatchEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		bad := w.watch(t, "orders?port=80")
		if bad.want(t, "a bad name", "nil invalid"); !bad.ended {
			t.Error("the Watch of a bad name goes on")
		}
		g := w.watch(t, "orders")
		g.want(t, "at first", "")
		_ = w.client.Close()
		if g.want(t, "after Close", "nil client closed"); !g.ended {
			t.Error("it goes on after Close")
		}
		g = w.watch(t, "orders")
		if g.want(t, "begun after Close", "nil client closed"); !g.ended {
			t.Error("it goes on after Close")
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for s, err := range w.client.Watch(ctx, "orders") {
			t.Errorf("yielded %v, %v after the end of its context", s, err)
		}
	})
}

// TestWatchMalformedValue: one bad value neither empties the service nor ends the Watch. In
// kratos it empties the service.
func TestWatchMalformedValue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", value)
		g := w.watch(t, "orders")
		g.want(t, "at first", "a")
		w.write("default/orders/bad", `{"addresses":`)
		g.want(t, "a bad value")
		w.write("default/orders/b", value)
		g.want(t, "another", "a,b")
		w.write("default/orders/a", `{`)
		g.want(t, "one that was good", "b")
	})
}

// TestWatchPrefixOfAnother: hello is not told of helloworld, as it was in kratos (PR#1501).
func TestWatchPrefixOfAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		g := w.watch(t, "hello")
		g.want(t, "at first", "")
		w.write("default/helloworld/a", value)
		w.write("default2/hello/a", value)
		g.want(t, "others")
		w.write("default/hello/b", value)
		g.want(t, "its own", "b")
	})
}

// TestWatchLeavesCallsCurrent: a Watch, which needs no wait for what the store tells of,
// doesn't let GetService answer without it either.
func TestWatchLeavesCallsCurrent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.client.waiter.lastChange = func(rng string) int64 { return w.LastChange(root + rng) }
		w.write("default/orders/a", value)
		got := w.watch(t, "orders")
		w.write("default/orders/b", value)
		if list := got.take(); list[len(list)-1] != "a,b" {
			t.Fatalf("the watch has %q", list)
		}
		for _, id := range []string{"c", "d", "e"} {
			w.Put(root+"default/orders/"+id, value, 0) // the replica has not seen it yet
			s, err := w.client.GetService(t.Context(), "orders")
			if err != nil || s.Instances[len(s.Instances)-1].ID != id {
				t.Fatalf("after the write of %q: %v, %v", id, s, err)
			}
		}
	})
}
