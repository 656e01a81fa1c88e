package registrartest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// watching is a Watch in a goroutine of its own.
type watching struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when the loop has ended

	mu      sync.Mutex
	service *registrar.Service // the last one
	err     error              // that came with it
	sets    int
}

// watch watches a name until the end of the test.
func watch(t *testing.T, c *registrar.Client, name string) *watching {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	w := &watching{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(w.done)
		for service, err := range c.Watch(ctx, name) {
			w.mu.Lock()
			w.service, w.err = service, err
			w.sets++
			w.mu.Unlock()
		}
	}()
	t.Cleanup(w.end)
	return w
}

// end ends the loop.
func (w *watching) end() {
	w.cancel()
	<-w.done
}

// sees waits until the last set has exactly the instances with the IDs.
func (w *watching) sees(t *testing.T, want ...string) *registrar.Service {
	t.Helper()
	var service *registrar.Service
	eventually(t, func() string {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.service == nil || w.err != nil {
			return fmt.Sprintf("the Watch yielded %v, %v", w.service, w.err)
		}
		if got := ids(w.service); !slices.Equal(got, want) {
			return fmt.Sprintf("the Watch yielded %q, want %q", got, want)
		}
		service = w.service
		return ""
	})
	return service
}

func testWatch(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	g := watch(t, r, "orders")
	if s := g.sees(t); s.Namespace != f.namespace || s.Name != "orders" || s.Stale {
		t.Errorf("the empty set is %+v", s)
	}
	register(t, w, service("orders", "a", "b"))
	g.sees(t, "a", "b")
	second := watch(t, r, f.namespace+"/orders")
	second.sees(t, "a", "b")
	register(t, w, service("orders", "c"))
	g.sees(t, "a", "b", "c")
	second.sees(t, "a", "b", "c")
	second.end()
	drained := service("orders", "b")
	drained.Instances[0].Status = catalog.StatusDraining
	register(t, w, drained)
	g.sees(t, "a", "c")
	unregister(t, w, service("orders"))
	g.sees(t)
	register(t, w, service("orders", "d"))
	g.sees(t, "d")
}

// testWatchPolicy: changes of services that answer by the policy are seen.
func testWatchPolicy(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	register(t, w, service("eu", "e"))
	g := watch(t, r, "orders")
	g.sees(t)
	f.setPolicy(t, w, "orders", func(p *catalog.Policy) { p.Failover = []catalog.ServiceName{f.name("eu")} })
	g.sees(t, "e")
	register(t, w, service("eu", "e2"))
	g.sees(t, "e", "e2")
	register(t, w, service("orders", "a"))
	g.sees(t, "a")
	register(t, w, service("new", "n"))
	f.setPolicy(t, w, "orders", func(p *catalog.Policy) { p.Alias = f.name("new") })
	g.sees(t, "n")
	unregister(t, w, service("new", "n"))
	g.sees(t, "e", "e2")
	if err := policiesOf(t, w).DeletePolicy(t.Context(), f.name("orders")); err != nil {
		t.Fatal(err)
	}
	g.sees(t, "a")
}

func testWatchSelectors(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	canary, near := watch(t, r, "orders?tag=canary"), watch(t, r, "orders?prefer=az2")
	canary.sees(t)
	register(t, w, spread())
	canary.sees(t, "a", "c")
	near.sees(t, "c")
	unregister(t, w, service("orders", "c"))
	canary.sees(t, "a")
	near.sees(t, "a", "b")
}

// testWatchEnds: by its context, by break, for a bad name, and by Close.
func testWatchEnds(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	register(t, w, service("orders", "a"))
	var sets []*registrar.Service
	for _, name := range []string{"Orders", "orders?port=80", ""} {
		for s, err := range r.Watch(t.Context(), name) {
			wantErr(t, fmt.Sprintf("Watch(%q)", name), err, registrar.ErrInvalid)
			sets = append(sets, s)
		}
	}
	if !slices.Equal(sets, []*registrar.Service{nil, nil, nil}) {
		t.Errorf("Watches of bad names yielded %v", sets)
	}
	for _, err := range r.Watch(t.Context(), "orders") {
		if err == nil || is(err, registrar.ErrUnavailable) {
			break
		}
		t.Fatalf("Watch: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rounds := 0
	for s, err := range r.Watch(ctx, "orders") {
		if rounds++; rounds > 1 {
			t.Fatalf("yielded %v, %v after the end of its context", s, err)
		}
		cancel()
	}
	g := watch(t, r, "orders")
	g.sees(t, "a")
	if err := r.Close(); is(err, registrar.ErrUnsupported) {
		return // it holds nothing that could be closed
	} else if err != nil {
		t.Errorf("Close: %v", err)
	}
	<-g.done
	if g.service != nil {
		t.Errorf("the last that was yielded is %+v", g.service)
	}
	wantErr(t, "the last error", g.err, registrar.ErrClosed)
}

// testWatchCallsBack: the loop's body may use the client.
func testWatchCallsBack(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	register(t, w, service("orders", "a"))
	for s, err := range r.Watch(t.Context(), "orders") {
		if err != nil || len(s.Instances) == 0 {
			continue // not seen yet
		}
		sees(t, r, "orders", ids(s)...)
		for other, err := range r.Watch(t.Context(), "orders?tag=none") {
			if err == nil {
				if len(other.Instances) > 0 {
					t.Errorf("the Watch within yielded %q, want none", ids(other))
				}
				break
			}
		}
		if len(s.Instances) == 2 {
			break
		}
		register(t, w, service("orders", "b"))
	}
}
