package dns

import (
	"context"
	"fmt"
	"slices"
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
	// TTL: far more than the services that a program needs.
	maxNames = 10_000
)

var errTooMany = fmt.Errorf("too many different names are asked for: those not requested for %v are dropped", idleAfter)

// cache has the names that were asked for, each with a goroutine that renews it. It is
// safe for concurrent use.
type cache struct {
	namespace string // of names that state none
	zone      string
	resolve   func(context.Context, query) (found, error)
	failed    func(registrar.ServiceName, error) // see entry.renew
	inContact func() bool                        // with a DNS server

	texts  sync.Map // of *entry, by the name as a user wrote it
	closed context.Context
	close  context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	count   int               // of texts
	entries map[string]*entry // by the name in full
}

func newCache(namespace, zone string, resolve func(context.Context, query) (found, error)) *cache {
	c := &cache{namespace: namespace, zone: zone, resolve: resolve, entries: map[string]*entry{}}
	c.closed, c.close = context.WithCancel(context.Background())
	return c
}

// entry returns what is known of a name, which is asked for from now on.
func (c *cache) entry(text string) (*entry, error) {
	if known, ok := c.texts.Load(text); ok {
		e := known.(*entry)
		e.ask()
		return e, nil
	}
	text = strings.Clone(text) // the caller's can be part of a larger string
	n, err := registrar.ParseName(text, c.namespace)
	if err != nil {
		return nil, err
	}
	slices.Sort(n.Selector.Tags) // whose order means nothing
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.add(text, n)
}

// add has a name renewed under another text. The caller holds the mutex.
func (c *cache) add(text string, n registrar.ServiceName) (*entry, error) {
	if c.closed.Err() != nil {
		return nil, registrar.ErrClosed
	}
	if known, ok := c.texts.Load(text); ok {
		known.(*entry).ask()
		return known.(*entry), nil
	}
	if c.count >= maxNames {
		return nil, fmt.Errorf("registrar: getting %q: %w: %w", text, registrar.ErrUnavailable, errTooMany)
	}
	e := c.entries[n.String()]
	if e == nil {
		q, err := newQuery(n, c.zone)
		if err != nil {
			return nil, err
		}
		e = newEntry(n, q)
		c.entries[n.String()] = e
		c.wg.Go(func() {
			e.renew(c.closed, c.resolve, func(err error) { c.failed(e.name, err) }, func() bool { return c.drop(e) })
		})
	}
	e.ask()
	e.texts = append(e.texts, text)
	c.texts.Store(text, e)
	c.count++
	return e, nil
}

// drop drops a name that nobody asks for any more, and reports whether it did.
func (c *cache) drop(e *entry) bool {
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
	for _, text := range e.texts {
		c.texts.Delete(text)
	}
	c.count -= len(e.texts)
	delete(c.entries, e.name.String())
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
		e.ask() // a last time
	}, true
}

// end has all calls fail with ErrClosed, and waits for the goroutines.
func (c *cache) end() {
	c.mu.Lock()
	c.close()
	c.texts.Clear()
	c.mu.Unlock()
	c.wg.Wait()
}
