package dns

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/rosterdns/roster/registrar"
)

const (
	// idleAfter is how long a name is renewed that nobody asks for. While its lookups fail
	// it stays longer: what is known couldn't be asked again.
	idleAfter = 10 * time.Minute
	// maxNames bounds the names that are remembered, each of which is asked for once in a
	// TTL: far more than a program needs.
	maxNames = 10_000
)

var errTooMany = fmt.Errorf("too many different names are asked for: those not requested for %v are dropped", idleAfter)

// cache has the names that were asked for, each with a goroutine that renews it. It is
// safe for concurrent use.
type cache struct {
	namespace string // of names that state none
	zone      string
	resolve   func(context.Context, query) (found, error)
	failed    func(name string, err error) // see entry.renew
	inContact func() bool                  // with a DNS server

	entries sync.Map // of *entry, by the name as a user wrote it
	closed  context.Context
	close   context.CancelFunc
	wg      sync.WaitGroup

	mu    sync.Mutex
	count int // of entries
}

func newCache(namespace, zone string, resolve func(context.Context, query) (found, error)) *cache {
	c := &cache{namespace: namespace, zone: zone, resolve: resolve}
	c.closed, c.close = context.WithCancel(context.Background())
	return c
}

// entry returns what is known of a name, which is asked for from now on.
func (c *cache) entry(name string) (*entry, error) {
	if known, ok := c.entries.Load(name); ok {
		e := known.(*entry)
		e.ask()
		return e, nil
	}
	name = strings.Clone(name) // the caller's can be part of a larger string
	n, err := registrar.ParseName(name, c.namespace)
	if err != nil {
		return nil, err
	}
	q, err := newQuery(n, c.zone)
	if err != nil {
		return nil, err
	}
	return c.add(name, newEntry(n, q))
}

// add has a new name renewed.
func (c *cache) add(name string, e *entry) (*entry, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed.Err() != nil {
		return nil, registrar.ErrClosed
	}
	if known, ok := c.entries.Load(name); ok {
		return known.(*entry), nil
	}
	if c.count >= maxNames {
		return nil, fmt.Errorf("registrar: getting %q: %w: %w", name, registrar.ErrUnavailable, errTooMany)
	}
	c.count++
	c.entries.Store(name, e)
	c.wg.Go(func() {
		e.renew(c.closed, c.resolve, func(err error) { c.failed(name, err) }, func() bool { return c.drop(name, e) })
	})
	return e, nil
}

// drop drops a name that nobody asks for any more, and reports whether it did.
func (c *cache) drop(name string, e *entry) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if e.asked.Swap(false) || e.watches > 0 {
		e.last = now
	}
	if s := e.state.Load(); now.Sub(e.last) < idleAfter || s.err != nil && s.service != nil {
		return false
	}
	e.dropped = true
	c.count--
	c.entries.Delete(name)
	return true
}

// hold has a name renewed until release. It reports false where it was dropped just now.
func (c *cache) hold(e *entry) (release func(), ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.dropped {
		return nil, false
	}
	e.watches++
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		e.watches--
	}, true
}

// end has all calls fail with ErrClosed, and waits for the goroutines.
func (c *cache) end() {
	c.mu.Lock()
	c.close()
	c.entries.Clear()
	c.mu.Unlock()
	c.wg.Wait()
}
