package dns

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/registrar"
)

const (
	// shortestTTL is how often a service is renewed at most, whatever its TTL is.
	shortestTTL = time.Second
	// retryFirst and retryLast are the pauses after lookups that failed. The last one is
	// well within what a change takes to show in a registry of leases.
	retryFirst = time.Second
	retryLast  = 10 * time.Second
	// jitter is the part of a TTL within which renewals are spread, so that clients that
	// started together don't ask together. They come early: a TTL is an upper bound.
	jitter = 0.1
)

var errStaleReply = errors.New("the DNS server has lost contact with the registry")

// entry is a name that was asked for, and what is known of it.
type entry struct {
	name     registrar.ServiceName
	query    query
	notFound error
	started  time.Time // when it was first asked for
	state    atomic.Pointer[state]
	asked    atomic.Bool // since the last renewal

	// Under the mutex of the cache.
	last    time.Time // when a renewal saw it asked for
	watches int       // that hold it
	dropped bool
}

// state is what is known of a name. It never changes; another one takes its place.
type state struct {
	service *registrar.Service // without instances where there are none; nil before the first answer
	err     error              // why service is stale, or nil; nil too before the first lookup has ended
	next    chan struct{}      // closed when another one has taken its place
}

// known reports whether a lookup has ended.
func (s *state) known() bool { return s.service != nil || s.err != nil }

// same reports whether another state of the name is no news.
func (s *state) same(other *state) bool {
	return (s.err == nil) == (other.err == nil) && (s.service == nil) == (other.service == nil) &&
		(s.service == nil || s.service.Revision == other.service.Revision)
}

func newEntry(n registrar.ServiceName, q query) *entry {
	now := time.Now()
	e := &entry{name: n, query: q, started: now, last: now, notFound: fmt.Errorf("registrar: service %s: %w", n, registrar.ErrNotFound)}
	e.state.Store(&state{next: make(chan struct{})})
	return e
}

// ask notes that the name is asked for.
func (e *entry) ask() {
	if !e.asked.Load() {
		e.asked.Store(true)
	}
}

// renew looks the name up whenever its TTL is over, until ctx is done, or idle says that
// nobody needs it. It tells failed of the first of lookups that fail one after the other.
func (e *entry) renew(ctx context.Context, resolve func(context.Context, query) (found, error), failed func(error), idle func() bool) {
	retry := backoff.New(retryFirst, retryLast)
	for {
		f, err := resolve(ctx, e.query)
		if ctx.Err() != nil {
			return
		}
		pause := spread(f.ttl)
		if err == nil {
			retry.Reset()
			e.show(f)
		} else {
			pause = retry.Next()
			if e.state.Load().err == nil {
				failed(err)
			}
			e.update(e.state.Load().service, err)
		}
		if backoff.Sleep(ctx, pause) != nil || idle() {
			return
		}
	}
}

// spread returns when to renew what has a TTL.
func spread(ttl time.Duration) time.Duration {
	early := time.Duration(jitter * rand.Float64() * float64(ttl))
	return max(ttl-early, shortestTTL)
}

// show makes what was found what is known.
func (e *entry) show(f found) {
	var err error
	if f.stale {
		err = errStaleReply
	}
	service := e.state.Load().service
	if service == nil || !slices.EqualFunc(service.Instances, f.instances, equal) {
		var revision int64
		if service != nil {
			revision = service.Revision
		}
		service = &registrar.Service{
			Namespace: e.name.Namespace, Name: e.name.Service, Revision: revision + 1,
			Instances: slices.Clip(f.instances), // so that append by a user copies
		}
	}
	e.update(service, err)
}

func equal(a, b registrar.Instance) bool { return a.Equal(&b) }

// update replaces the state. An error says why the service is stale.
func (e *entry) update(service *registrar.Service, err error) {
	if service != nil && service.Stale != (err != nil) {
		other := *service
		other.Stale = err != nil
		service = &other
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", registrar.ErrUnavailable, err)
	}
	before := e.state.Swap(&state{service, err, make(chan struct{})})
	close(before.next)
}
