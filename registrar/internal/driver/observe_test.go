package driver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

// recorder keeps what it is told.
type recorder struct {
	mu    sync.Mutex
	looks []registrar.Lookup
	asked map[registrar.Operation]int
	fails int
	told  []string
}

func (r *recorder) Looked(l registrar.Lookup) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.looks = append(r.looks, l)
}

func (r *recorder) Requested(q registrar.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.asked == nil {
		r.asked = map[registrar.Operation]int{}
	}
	r.asked[q.Operation]++
	if q.Err != nil {
		r.fails++
	}
}

func (r *recorder) Registered(st registrar.InstanceStatus) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text := fmt.Sprintf("%s %s", st.ID, st.State)
	if st.Err != nil {
		text += " failing"
	}
	r.told = append(r.told, text)
}

func (r *recorder) Contacted(in bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.told = append(r.told, fmt.Sprintf("contact %v", in))
}

// take returns what was told of registrations and contact since the last take.
func (r *recorder) take() []string {
	synctest.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	told := r.told
	r.told = nil
	return told
}

// want checks what take returns.
func (r *recorder) want(t *testing.T, what string, want ...string) {
	t.Helper()
	if got := r.take(); !slices.Equal(got, want) {
		t.Errorf("%s: told %q, want %q", what, got, want)
	}
}

func TestObserverIsToldOfRegistrations(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		w := newWorld(t, registrar.WithObserver(r))
		r.want(t, "at first")
		w.register(t, orders("a"))
		r.want(t, "registered", "a pending", "contact true", "a registered")
		w.SetState(faulty.Down)
		w.BreakStreams()
		time.Sleep(time.Minute)
		r.want(t, "without etcd", "contact false", "a registered failing")
		w.SetState(faulty.Up)
		time.Sleep(time.Minute)
		// Which of the two is found out first, that etcd is back or that the lease is
		// gone, is a matter of chance.
		if got := r.take(); !slices.Contains(got, "contact true") || !slices.Contains(got, "a pending") || got[len(got)-1] != "a registered" {
			t.Errorf("with etcd: told %q", got)
		}
		w.Put("/roster/default/orders/a", value, 0)
		time.Sleep(time.Second)
		r.want(t, "superseded", "a superseded failing")
		w.Delete("/roster/default/orders/a")
		time.Sleep(5 * time.Second)
		r.want(t, "free again", "a pending", "a registered")
		if err := w.client.Unregister(t.Context(), orders("a")); err != nil {
			t.Fatal(err)
		}
		r.want(t, "unregistered", "a unregistering", "a ")
		w.register(t, orders("b"))
		r.want(t, "another", "b pending", "b registered")
		_ = w.client.Close()
		r.want(t, "closed", "b unregistering", "b ")
	})
}

func TestObserverIsToldOfLookups(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		w := newWorld(t, registrar.WithObserver(r))
		w.write("default/orders/a", value)
		w.Set(func(f *faulty.Faults) { f.Delay = 100 * time.Millisecond })
		get := func(name string) registrar.Lookup {
			_, err := w.client.GetService(t.Context(), name)
			last := r.looks[len(r.looks)-1]
			if last.Name != name || !errors.Is(err, last.Err) {
				t.Errorf("GetService(%q) ended with %v, told %+v", name, err, last)
			}
			return last
		}
		if l := get("orders"); l.Err != nil || l.Waited < 100*time.Millisecond || l.Stale {
			t.Errorf("the first call: %+v", l)
		}
		if l := get("orders"); l.Err != nil || l.Waited != 0 {
			t.Errorf("the second call: %+v", l)
		}
		if l := get("none"); !errors.Is(l.Err, registrar.ErrNotFound) {
			t.Errorf("none: %+v", l)
		}
		if l := get("Orders"); !errors.Is(l.Err, registrar.ErrInvalid) {
			t.Errorf("a bad name: %+v", l)
		}
		w.SetState(faulty.Hung)
		time.Sleep(time.Minute)
		if l := get("orders"); l.Err != nil || !l.Stale || l.Waited != 0 {
			t.Errorf("without etcd: %+v", l)
		}
	})
}

func TestObserverIsToldOfRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		w := newWorld(t, registrar.WithObserver(r))
		w.register(t, orders("a"))
		if _, err := w.client.GetService(t.Context(), "orders"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.client.List(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		if err := w.client.Drain(t.Context(), orders("a"), ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Minute)
		_ = w.client.Close()
		for _, o := range []registrar.Operation{
			registrar.OperationRead, registrar.OperationWrite, registrar.OperationGrant, registrar.OperationRevoke, registrar.OperationAudit,
		} {
			if r.asked[o] == 0 {
				t.Errorf("was not told of any request to %s: %v", o, r.asked)
			}
		}
		if n := r.asked[registrar.OperationGrant]; n != 1 || r.fails != 0 {
			t.Errorf("told of %d grants, want 1, and %d failures", n, r.fails)
		}
	})
}

// TestIdleClientLosesNoContact: a client that follows nothing any more is not away.
func TestIdleClientLosesNoContact(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := &recorder{}
		w := newWorld(t, registrar.WithObserver(r))
		_, _ = w.client.GetService(t.Context(), "orders")
		r.want(t, "the first question", "contact true")
		time.Sleep(time.Hour)
		r.want(t, "an hour later")
		_, _ = w.client.GetService(t.Context(), "orders")
		r.want(t, "another question")
	})
}

// maxCalls bounds how often a caller uses its client: what it does is told it, too.
const maxCalls = 5

// caller is an observer that uses its client, whatever it is told.
type caller struct {
	client func() *registrar.Client
	depth  chan struct{} // has a token: calls of calls are told, but call nothing
	mu     sync.Mutex
	called map[string]int
}

func (c *caller) call(kind string) {
	select {
	case <-c.depth:
		defer func() { c.depth <- struct{}{} }()
	default:
		return
	}
	c.mu.Lock()
	c.called[kind]++
	enough := c.called[kind] > maxCalls
	c.mu.Unlock()
	if enough {
		return
	}
	client, ctx := c.client(), context.Background()
	_, _ = client.GetService(ctx, "orders")
	_, _ = client.GetService(ctx, "new-"+strings.ToLower(kind))
	_ = client.Status()
	_ = client.Register(ctx, orders("of-observer"))
	_ = client.Unregister(ctx, orders("of-observer"))
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	_, _ = client.List(short, "")
	_ = client.Drain(short, orders("none"), "")
	for _, err := range client.Watch(short, "orders") {
		_ = err
		break
	}
}

func (c *caller) Looked(registrar.Lookup)             { c.call("Looked") }
func (c *caller) Requested(registrar.Request)         { c.call("Requested") }
func (c *caller) Registered(registrar.InstanceStatus) { c.call("Registered") }
func (c *caller) Contacted(bool)                      { c.call("Contacted") }

// TestObserverCallsBack: an observer that uses the client, in whatever it is told,
// blocks nothing for good.
func TestObserverCallsBack(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"Looked", "Requested", "Registered", "Contacted"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var w *world
				opened := make(chan struct{})
				c := &caller{depth: make(chan struct{}, 1), called: map[string]int{}, client: func() *registrar.Client { <-opened; return w.client }}
				c.depth <- struct{}{}
				w = newWorld(t, registrar.WithObserver(only{c, kind}))
				close(opened)
				w.register(t, orders("a"))
				_, _ = w.client.GetService(t.Context(), "orders")
				w.SetState(faulty.Down)
				w.BreakStreams()
				time.Sleep(time.Minute)
				w.SetState(faulty.Up)
				time.Sleep(time.Minute)
				synctest.Wait()
				c.mu.Lock()
				if c.called[kind] == 0 {
					t.Error("was told nothing")
				}
				c.mu.Unlock()
				if err := w.client.Wait(t.Context()); err != nil {
					t.Errorf("Wait: %v", err)
				}
				if s, err := w.client.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 1 {
					t.Errorf("GetService: %v, %v", s, err)
				}
				start := time.Now()
				if err := w.client.Close(); err != nil || time.Since(start) > closeTimeout {
					t.Errorf("Close: %v after %v", err, time.Since(start))
				}
			})
		})
	}
}

// only tells of one kind of event.
type only struct {
	*caller
	kind string
}

func (o only) Looked(registrar.Lookup)             { o.tell("Looked") }
func (o only) Requested(registrar.Request)         { o.tell("Requested") }
func (o only) Registered(registrar.InstanceStatus) { o.tell("Registered") }
func (o only) Contacted(bool)                      { o.tell("Contacted") }

func (o only) tell(kind string) {
	if kind == o.kind {
		o.call(kind)
	}
}

// failures has the error of the last request that failed.
type failures struct {
	registrar.NopObserver
	mu  sync.Mutex
	err error
}

func (f *failures) Requested(q registrar.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if q.Err != nil {
		f.err = q.Err
	}
}

// TestObserverIsToldWhy: why a request fails is one of the registrar's errors, and not
// the backend's fault where the client gave it up.
func TestObserverIsToldWhy(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		fault       faulty.Faults
		want        error
		unavailable bool
	}{
		"down":    {faulty.Faults{State: faulty.Down}, registrar.ErrUnavailable, true},
		"refused": {faulty.Faults{Fail: rpctypes.ErrPermissionDenied}, registrar.ErrPermission, false},
		"closed":  {faulty.Faults{State: faulty.Hung}, context.Canceled, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := &failures{}
				w := newWorld(t, registrar.WithObserver(o))
				w.Set(func(f *faulty.Faults) { *f = tt.fault })
				go func() { _, _ = w.client.GetService(t.Context(), "orders") }()
				time.Sleep(500 * time.Millisecond)
				_ = w.client.Close()
				synctest.Wait()
				o.mu.Lock()
				defer o.mu.Unlock()
				if !errors.Is(o.err, tt.want) || errors.Is(o.err, registrar.ErrUnavailable) != tt.unavailable {
					t.Errorf("told %v, want %v", o.err, tt.want)
				}
			})
		})
	}
}
