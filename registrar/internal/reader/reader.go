// Package reader answers GetService from a replica: it turns the names that are
// asked for into ranges that the replica follows.
package reader

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
	"github.com/rosterdns/roster/registrar"
)

// Bounds of what is followed.
const (
	// maxSingly is how many services of a namespace are followed one by one;
	// beyond it one watch of the whole namespace is cheaper for etcd.
	maxSingly = 64
	// maxRanges bounds the ranges of a client, each of which is a watch: 64
	// namespaces just before they are followed as a whole.
	maxRanges = 64 * maxSingly
	// maxServices bounds the services that a client remembers having been asked
	// for, there or not; each costs about a kilobyte.
	maxServices = 100_000
)

var errTooMany = fmt.Errorf("too many different services were asked for: those that nobody asks for in %v make room", idleAfter)

// Replica is what a reader needs of a replica.Replica.
type Replica interface {
	Load() *services.Generation
	Follow(rng string) *mirror.Range
	Unfollow(r *mirror.Range)
	Status() mirror.Status
	LastError() error
}

// Config says what a reader works with.
type Config struct {
	// Namespace is that of names that state none.
	Namespace string
	// Open opens the replica. It is called at the first question, until it returns
	// one; nil says that the client is closed.
	Open func() Replica
	// LastChange, if set, returns the revision of the last change to a key of a
	// range: answers wait until they show it. It is for stores that can tell at
	// once.
	LastChange func(rng string) int64
}

// Reader answers GetService. It is safe for concurrent use.
type Reader struct {
	Config
	closed context.Context
	close  context.CancelFunc
	wg     sync.WaitGroup

	maxRanges, maxServices int

	// names has the *subject of each name that was asked for, as the user wrote
	// it.
	names sync.Map

	mu         sync.Mutex // guards the rest, and changes of names
	replica    Replica    // nil before the first question
	namespaces map[string]*namespace
	ranges     int           // that are followed
	services   int           // that are remembered
	events     chan struct{} // closed, and replaced, when those who wait are to look again
}

// New returns a reader. It does nothing until something is asked.
func New(cfg Config) *Reader {
	r := &Reader{
		Config: cfg, maxRanges: maxRanges, maxServices: maxServices,
		namespaces: map[string]*namespace{}, events: make(chan struct{}),
	}
	r.closed, r.close = context.WithCancel(context.Background())
	return r
}

// Get implements registrar.Registry.GetService.
func (r *Reader) Get(ctx context.Context, name string) (*registrar.Service, error) {
	var s *subject
	if known, ok := r.names.Load(name); ok {
		s = known.(*subject)
	} else {
		var err error
		if s, err = r.add(name); err != nil {
			return nil, err
		}
	}
	if !s.asked.Load() {
		s.asked.Store(true)
	}
	f := s.followed.Load()
	if !r.ready(s.service, f) {
		var err error
		if f, err = r.await(ctx, s.service); err != nil {
			return nil, fmt.Errorf("registrar: getting %q: %w", name, err)
		}
	}
	if r.behind(f) {
		r.catchUp(ctx, s.service)
	}
	return s.answer(r.replica.Load(), f.Status().State != mirror.Live)
}

// add has followed what a new name means, unless it is followed already.
func (r *Reader) add(name string) (*subject, error) {
	n, err := registrar.ParseName(name, r.Namespace)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed.Err() != nil {
		return nil, registrar.ErrClosed
	}
	if known, ok := r.names.Load(name); ok {
		return known.(*subject), nil
	}
	svc, err := r.serviceOf(n)
	if err != nil {
		return nil, fmt.Errorf("registrar: getting %q: %w: %w", name, registrar.ErrUnavailable, err)
	}
	s := &subject{
		ServiceName: n, service: svc,
		notFound: fmt.Errorf("registrar: service %s: %w", n, registrar.ErrNotFound),
	}
	r.names.Store(strings.Clone(name), s) // the caller's can be part of a larger string
	return s, nil
}

// Close makes all calls fail with ErrClosed. Close of the replica ends what is
// followed.
func (r *Reader) Close() {
	r.mu.Lock()
	r.close()
	r.names.Clear()
	r.mu.Unlock()
	r.wg.Wait()
}

// Closed returns a context that ends with Close.
func (r *Reader) Closed() context.Context { return r.closed }
