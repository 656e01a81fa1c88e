package etcd

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
)

// How mirrors come and go.
const (
	// idleAfter is how long a service stays mirrored that nobody asks for. While
	// etcd is away it stays longer: what is known couldn't be read again.
	idleAfter = 10 * time.Minute
	// sweepEvery is how exactly that is taken.
	sweepEvery = time.Minute
	// maxNarrow is how many services of a namespace are mirrored one by one;
	// beyond it one watch of the whole namespace is cheaper for etcd.
	maxNarrow = 64
)

// reader answers GetService from mirrors.
type reader struct {
	source    mirror.Source
	prefix    string
	namespace string // of names that state none
	log       *slog.Logger
	ctx       context.Context
	cancel    context.CancelFunc
	wg        sync.WaitGroup

	// names has what was asked for, by name as the user wrote it. The map is
	// replaced, never changed.
	names atomic.Pointer[map[string]*subject]

	mu       sync.Mutex // guards the rest, and replacing names
	spaces   map[string]*space
	sweeping bool
	closed   bool
}

// space is a namespace of which services are mirrored.
type space struct {
	ctx       context.Context
	cancel    context.CancelFunc
	interests map[string]*interest // by service
	widening  bool                 // a mirror of the namespace was tried, whatever came of it
	wide      *scope               // mirrors the namespace; nil while services are mirrored one by one
}

// interest is a service that was asked for.
type interest struct {
	prefix string
	scope  atomic.Pointer[scope]
	asked  atomic.Bool // since the last sweep
	last   time.Time   // the sweep that last saw it asked for
}

func newReader(ctx context.Context, source mirror.Source, o *registrar.Options) *reader {
	r := &reader{source: source, prefix: o.Prefix, namespace: o.Namespace, log: o.Logger, spaces: map[string]*space{}}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	r.names.Store(&map[string]*subject{})
	return r
}

// get implements GetService.
func (r *reader) get(ctx context.Context, name string) (*registrar.Service, error) {
	s := (*r.names.Load())[name]
	if s == nil {
		var err error
		if s, err = r.add(name); err != nil {
			return nil, err
		}
	}
	if !s.asked.Load() {
		s.asked.Store(true)
	}
	sc := s.scope.Load()
	if !sc.synced() {
		err := sc.wait(ctx, r.ctx.Done())
		if sc = s.scope.Load(); err != nil && !sc.synced() { // it can have moved meanwhile
			return nil, fmt.Errorf("registrar: getting %q: %w", name, err)
		}
	}
	return s.answer(sc)
}

// add starts mirroring what a new name means, unless that is mirrored already.
func (r *reader) add(name string) (*subject, error) {
	n, err := registrar.ParseName(name, r.namespace)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, registrar.ErrClosed
	}
	names := *r.names.Load()
	if s := names[name]; s != nil {
		return s, nil
	}
	s := &subject{
		ServiceName: n, interest: r.interest(n),
		notFound: fmt.Errorf("registrar: service %s: %w", n, registrar.ErrNotFound),
	}
	next := maps.Clone(names)
	next[name] = s
	r.names.Store(&next)
	return s, nil
}

func (r *reader) interest(n registrar.ServiceName) *interest {
	sp := r.spaces[n.Namespace]
	if sp == nil {
		sp = &space{interests: map[string]*interest{}}
		sp.ctx, sp.cancel = context.WithCancel(r.ctx)
		r.spaces[n.Namespace] = sp
	}
	in := sp.interests[n.Service]
	if in == nil {
		in = &interest{prefix: catalog.ServicePrefix(r.prefix, n.Namespace, n.Service), last: time.Now()}
		if sp.wide != nil {
			in.scope.Store(sp.wide)
		} else {
			in.scope.Store(r.open(sp.ctx, in.prefix))
		}
		sp.interests[n.Service] = in
		r.grow(n.Namespace, sp)
	}
	if !r.sweeping {
		r.sweeping = true
		r.wg.Go(r.sweep)
	}
	return in
}

// sweep drops, every now and then, what nobody asks for any more.
func (r *reader) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case now := <-tick.C:
			r.drop(now)
		}
	}
}

func (r *reader) drop(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	dropped := map[*interest]bool{}
	for namespace, sp := range r.spaces {
		for service, in := range sp.interests {
			sc := in.scope.Load()
			switch {
			case in.asked.Swap(false):
				in.last = now
			case now.Sub(in.last) < idleAfter, sc.mirror.Status().State == mirror.Stale:
			default:
				dropped[in] = true
				delete(sp.interests, service)
				if sc != sp.wide {
					sc.stop()
				}
			}
		}
		if len(sp.interests) == 0 {
			sp.cancel()
			delete(r.spaces, namespace)
		}
	}
	if len(dropped) == 0 {
		return
	}
	next := maps.Clone(*r.names.Load())
	maps.DeleteFunc(next, func(_ string, s *subject) bool { return dropped[s.interest] })
	r.names.Store(&next)
}

// shut makes all calls fail with ErrClosed and stops the mirrors; wg tells when
// they have ended.
func (r *reader) shut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.names.Store(&map[string]*subject{})
	r.cancel()
}
