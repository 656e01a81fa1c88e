package kratos_test

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-kratos/kratos/v2/registry"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/adapters/kratos"
	"github.com/rosterdns/roster/registrar/memory"
)

// nexts calls Next until it fails with context.Canceled or ErrClosed, and returns what it
// returned, as IDs.
func nexts(w registry.Watcher) <-chan string {
	c := make(chan string, 100)
	go func() {
		defer close(c)
		for {
			list, err := w.Next()
			switch {
			case errors.Is(err, context.Canceled), errors.Is(err, registrar.ErrClosed):
				c <- err.Error()
				return
			case err != nil:
				c <- err.Error()
			default:
				c <- strings.Join(ids(list), ",")
			}
		}
	}()
	return c
}

// want checks what Next has returned since the last call.
func want(t *testing.T, when string, got <-chan string, want ...string) {
	t.Helper()
	synctest.Wait()
	var all []string
	for len(got) > 0 {
		all = append(all, <-got)
	}
	if !slices.Equal(all, want) {
		t.Errorf("%s: %q, want %q", when, all, want)
	}
}

func watch(t *testing.T, r *kratos.Registry) registry.Watcher {
	t.Helper()
	w, err := r.Watch(t.Context(), "orders")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.Stop() })
	return w
}

func TestWatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := kratos.New(open(t, memory.NewStore()))
		w := watch(t, r)
		got := nexts(w)
		time.Sleep(time.Hour)
		want(t, "without an instance", got)
		register := func(id string) {
			t.Helper()
			if err := r.Register(t.Context(), instance(id)); err != nil {
				t.Fatal(err)
			}
		}
		register("b")
		want(t, "the first", got, "b")
		register("a")
		want(t, "the second", got, "a,b")
		register("a")
		want(t, "as it is", got)
		for _, id := range []string{"a", "b"} {
			if err := r.Deregister(t.Context(), instance(id)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		want(t, "both have left", got, "b", "")
		if err := w.Stop(); err != nil {
			t.Error(err)
		}
		want(t, "stopped", got, "context canceled")
		if _, err := w.Next(); !errors.Is(err, context.Canceled) {
			t.Errorf("Next after Stop: %v", err)
		}
		if err := w.Stop(); err != nil {
			t.Errorf("Stop again: %v", err)
		}
	})
}

// TestWatchUnavailable: a registry that is away wipes nothing (nacos-sdk-go#420), and a
// Watcher waits for one.
func TestWatchUnavailable(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := memory.NewStore()
		store.SetState(memory.Unavailable)
		r := kratos.New(open(t, store))
		if err := r.Register(t.Context(), instance("a")); err != nil {
			t.Fatal(err)
		}
		got := nexts(watch(t, r))
		time.Sleep(time.Hour)
		want(t, "away from the start", got)
		store.SetState(memory.Up)
		time.Sleep(time.Minute)
		want(t, "there", got, "a")
		away := func() {
			store.SetState(memory.Stale)
			time.Sleep(time.Hour)
			store.SetState(memory.Up)
		}
		away()
		want(t, "away for an hour", got)
		if err := r.Deregister(t.Context(), instance("a")); err != nil {
			t.Fatal(err)
		}
		want(t, "it leaves", got, "")
		away()
		want(t, "away again", got)
	})
}

// script is a driver whose Watch yields what it holds.
type script struct {
	registrar.Registry
	yields []yield
}

type yield struct {
	service *registrar.Service
	err     error
}

func (s *script) Watch(ctx context.Context, _ string) iter.Seq2[*registrar.Service, error] {
	return func(yield func(*registrar.Service, error) bool) {
		for _, y := range s.yields {
			if !yield(y.service, y.err) {
				return
			}
		}
		<-ctx.Done()
	}
}

// TestWatchEmptyAndStale: an empty set that may be out of date is none.
func TestWatchEmptyAndStale(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		none, one := &registrar.Service{}, &registrar.Service{Instances: []registrar.Instance{{ID: "a"}}}
		driver := &script{yields: []yield{
			{nil, registrar.ErrUnavailable},
			{none, registrar.ErrUnavailable},
			{one, registrar.ErrUnavailable},
			{none, registrar.ErrUnavailable},
			{one, nil},
			{none, nil},
		}}
		w := watch(t, kratos.New(registrar.NewClient(driver)))
		want(t, "all", nexts(w), "a", "")
		_ = w.Stop()
	})
}

func TestWatchEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := open(t, memory.NewStore())
		r := kratos.New(client)
		unused := watch(t, r)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		limited, err := r.Watch(ctx, "orders")
		if err != nil {
			t.Fatal(err)
		}
		got := nexts(limited)
		time.Sleep(2 * time.Second)
		want(t, "its context is done", got, "context canceled")
		if err := unused.Stop(); err != nil {
			t.Error(err)
		}
		got = nexts(watch(t, r))
		_ = client.Close()
		synctest.Wait()
		if err := <-got; !strings.Contains(err, "client closed") {
			t.Errorf("the client has closed: %q", err)
		}
	})
}
