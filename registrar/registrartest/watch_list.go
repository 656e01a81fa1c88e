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

// listing is a WatchList in a goroutine of its own.
type listing struct {
	cancel context.CancelFunc
	done   chan struct{} // closed when the loop has ended

	mu    sync.Mutex
	names []string // the last ones; nil before the first
	err   error    // that came with them
	last  string   // that came without an error, as text
	sets  []string // all of these, but for repetitions
}

// watchList watches the names of a namespace until the end of the test.
func watchList(t *testing.T, c *registrar.Client, namespace string) *listing {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &listing{cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(l.done)
		for names, err := range c.WatchList(ctx, namespace) {
			l.mu.Lock()
			l.names, l.err = names, err
			if set := fmt.Sprint(names); err == nil && set != l.last {
				l.last = set
				l.sets = append(l.sets, set)
			}
			l.mu.Unlock()
		}
	}()
	t.Cleanup(l.end)
	return l
}

// end ends the loop.
func (l *listing) end() {
	l.cancel()
	<-l.done
}

// sees waits until the last names are those.
func (l *listing) sees(t *testing.T, want ...string) {
	t.Helper()
	l.check(t, func(names []string) bool { return slices.Equal(names, want) }, fmt.Sprintf("%q", want))
}

// came returns all sets that have come, and forgets them.
func (l *listing) came() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	sets := l.sets
	l.sets = nil
	return sets
}

// check waits until the last names are good.
func (l *listing) check(t *testing.T, good func([]string) bool, want string) {
	t.Helper()
	eventually(t, func() string {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.names == nil || l.err != nil || !good(l.names) {
			return fmt.Sprintf("the WatchList yielded %q, %v, want %s", l.names, l.err, want)
		}
		return ""
	})
}

// testWatchList: services that appear and disappear, in order, of a namespace and of all.
func testWatchList(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	l, all := watchList(t, r, f.namespace), watchList(t, r, "")
	l.sees(t)
	register(t, w, service("orders", "a"))
	l.sees(t, "orders")
	down := service("billing", "a")
	down.Instances[0].Status = catalog.StatusDown
	register(t, w, down)
	l.sees(t, "billing", "orders")
	other := service("cart", "a")
	other.Namespace = f.namespace + "-x" // before the namespace's own, as text
	register(t, w, other)
	all.check(t, func(names []string) bool {
		return slices.IsSorted(names) && contains(names, f.namespace+"-x/cart", f.namespace+"/billing", f.namespace+"/orders")
	}, "those of both namespaces in order")
	second := watchList(t, r, f.namespace)
	second.sees(t, "billing", "orders")
	second.end()

	l.came()
	register(t, w, service("orders", "b", "c"))
	unregister(t, w, service("orders", "a"))
	sees(t, r, "orders", "b", "c")
	register(t, w, service("cart", "a"))
	l.sees(t, "billing", "cart", "orders")
	if sets := l.came(); !slices.Equal(sets, []string{"[billing cart orders]"}) {
		t.Errorf("changes within services, and one new service, came as %q", sets)
	}
	unregister(t, w, service("orders"))
	l.sees(t, "billing", "cart")
	all.check(t, func(names []string) bool {
		return contains(names, f.namespace+"/cart") && !contains(names, f.namespace+"/orders")
	}, "no orders")
	list, err := r.List(t.Context(), f.namespace)
	if err != nil || !slices.Equal(list, []string{"billing", "cart"}) {
		t.Errorf("List: %q, %v", list, err)
	}
}

func contains(names []string, all ...string) bool {
	return !slices.ContainsFunc(all, func(name string) bool { return !slices.Contains(names, name) })
}

// testWatchListOfPolicies: a policy by which others answer makes a service exist.
func testWatchListOfPolicies(t *testing.T, f *fixture) {
	c := f.client(t)
	l := watchList(t, c, f.namespace)
	register(t, c, service("orders", "a"))
	f.setPolicy(t, c, "plain", func(p *catalog.Policy) { p.MinUp = 1 })
	f.setPolicy(t, c, "alias", func(p *catalog.Policy) { p.Alias = f.name("later") })
	l.sees(t, "alias", "orders")
	f.setPolicy(t, c, "orders", func(p *catalog.Policy) { p.Failover = []catalog.ServiceName{f.name("alias")} })
	unregister(t, c, service("orders", "a"))
	f.setPolicy(t, c, "alias", func(p *catalog.Policy) { p.Alias = catalog.ServiceName{} })
	l.sees(t, "orders")
	if err := policiesOf(t, c).DeletePolicy(t.Context(), f.name("orders")); err != nil {
		t.Fatal(err)
	}
	l.sees(t)
}

// testWatchListEnds: by its context, for a bad namespace, and by Close.
func testWatchListEnds(t *testing.T, f *fixture) {
	w, r := f.writer(t), f.client(t)
	register(t, w, service("orders", "a"))
	yields := 0
	for _, namespace := range []string{"a/b", "Prod", "dns"} {
		for names, err := range r.WatchList(t.Context(), namespace) {
			wantErr(t, fmt.Sprintf("WatchList(%q)", namespace), err, registrar.ErrInvalid)
			if yields++; names != nil {
				t.Errorf("WatchList(%q) yielded %q", namespace, names)
			}
		}
	}
	if yields != 3 {
		t.Errorf("WatchLists of three bad namespaces yielded %d times", yields)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	rounds := 0
	for names, err := range r.WatchList(ctx, f.namespace) {
		if rounds++; rounds > 1 {
			t.Fatalf("yielded %q, %v after the end of its context", names, err)
		}
		cancel()
	}
	l := watchList(t, r, f.namespace)
	l.sees(t, "orders")
	if err := r.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	<-l.done
	if l.names != nil {
		t.Errorf("the last that was yielded is %q", l.names)
	}
	wantErr(t, "the last error", l.err, registrar.ErrClosed)
}
