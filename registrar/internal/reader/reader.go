// Package reader answers GetService from a replica: it turns the names that are
// asked for into ranges that the replica follows.
package reader

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/replica"
	"github.com/rosterdns/roster/registrar"
)

// Config says what a reader works with.
type Config struct {
	// Namespace is that of names that state none.
	Namespace string
	// Open opens the replica. It is called once, at the first question; nil says
	// that the client is closed.
	Open func() Replica
	// LastChange, if set, returns the revision of the last change to a key of a
	// range: answers wait until they show it. It is for stores that can tell at
	// once.
	LastChange func(rng string) int64
	// Fault, if set, is asked whether answers are live. It is for stores that can tell
	// at once.
	Fault Fault
	// Looked, if set, is called at the end of each Get.
	Looked func(registrar.Lookup)
}

// Reader answers GetService. It is safe for concurrent use.
type Reader struct {
	namespace     string // of names that state none
	subscriptions subscriptions
	waiter        waiter
	looked        func(registrar.Lookup) // see Config
}

// New returns a reader. It does nothing until something is asked.
func New(cfg Config) *Reader {
	r := &Reader{namespace: cfg.Namespace, looked: cfg.Looked, subscriptions: subscriptions{
		open: cfg.Open, maxRanges: maxRanges, maxServices: maxServices,
		names:      names{maxFurther: maxFurther},
		namespaces: map[string]*namespace{}, events: newEvents(), room: make(chan struct{}),
	}}
	s := &r.subscriptions
	s.closed, s.close = context.WithCancel(context.Background())
	r.waiter = waiter{subscriptions: s, lastChange: cfg.LastChange, fault: cfg.Fault}
	return r
}

// Observer returns what is to observe the replica.
func (r *Reader) Observer() replica.Observer { return r.subscriptions.events }

// Get implements registrar.Registry.GetService.
func (r *Reader) Get(ctx context.Context, name string) (*registrar.Service, error) {
	if r.looked == nil {
		return r.get(ctx, name, &r.waiter)
	}
	var waited time.Duration
	waiter := r.waiter
	waiter.waited = &waited
	service, err := r.get(ctx, name, &waiter)
	r.looked(registrar.Lookup{Name: name, Stale: service != nil && service.Stale, Waited: waited, Err: err})
	return service, err
}

func (r *Reader) get(ctx context.Context, name string, w *waiter) (*registrar.Service, error) {
	for {
		s, service, err := r.find(ctx, name, w)
		switch {
		case s != nil && s.dropped.Load():
			// A sweep dropped the service during this call, and may have taken it out of
			// the replica: what that lacks says nothing.
		case err != nil:
			return nil, err
		case len(service.Instances) == 0:
			return nil, s.notFound
		default:
			return service, nil
		}
	}
}

// find returns what a name means, nil if it can't be asked for, and the set of instances.
func (r *Reader) find(ctx context.Context, name string, w *waiter) (*subject, *registrar.Service, error) {
	s := r.subscriptions.names.find(name)
	if s != nil {
		if service := w.repeated(s); service != nil {
			return s, service, nil
		}
	} else if n, err := registrar.ParseName(name, r.namespace); err != nil {
		return nil, nil, err
	} else if w.absent(n) {
		return nil, nil, notFound(n)
	}
	s, err := r.subject(name)
	if err != nil {
		return nil, nil, err
	}
	service, _, err := w.look(ctx, s)
	return s, service, err
}

// subject returns what a name means, which is followed.
func (r *Reader) subject(name string) (*subject, error) {
	if known := r.subscriptions.names.find(name); known != nil {
		return known, nil
	}
	return r.add(name)
}

// add has followed what a new name means, unless it is followed already.
func (r *Reader) add(name string) (*subject, error) {
	n, err := registrar.ParseName(name, r.namespace)
	if err != nil {
		return nil, err
	}
	r.subscriptions.mu.Lock()
	defer r.subscriptions.mu.Unlock()
	if r.subscriptions.closed.Err() != nil {
		return nil, registrar.ErrClosed
	}
	if known := r.subscriptions.names.find(name); known != nil {
		return known, nil
	}
	svc, err := r.subscriptions.subscribe(n.Name())
	if err != nil {
		return nil, fmt.Errorf("registrar: getting %q: %w", name, err)
	}
	// The caller's name can be part of a larger string.
	s := &subject{text: strings.Clone(name), ServiceName: n, service: svc, notFound: notFound(n)}
	r.subscriptions.names.remember(s)
	return s, nil
}

func notFound(n registrar.ServiceName) error {
	return fmt.Errorf("registrar: service %s: %w", n, registrar.ErrNotFound)
}

// InContact reports whether etcd was heard of just now.
func (r *Reader) InContact() bool {
	r.subscriptions.mu.Lock()
	known := r.subscriptions.replica
	r.subscriptions.mu.Unlock()
	return known != nil && known.Status().State == mirror.Live
}

// Closed returns a context that ends with Close.
func (r *Reader) Closed() context.Context { return r.subscriptions.closed }

// Close makes all calls fail with ErrClosed. What is followed ends with the
// replica, which is closed after it.
func (r *Reader) Close() {
	r.subscriptions.mu.Lock()
	r.subscriptions.close()
	r.subscriptions.names.known.Clear()
	r.subscriptions.mu.Unlock()
	r.subscriptions.wg.Wait()
}
