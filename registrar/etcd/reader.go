package etcd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
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
	// maxMirrors bounds the mirrors of a client, each of which has a stream and
	// some goroutines: 64 namespaces just before they are mirrored as a whole.
	maxMirrors = 64 * maxNarrow
	// maxServices bounds the services that a client remembers having been asked
	// for, there or not; each costs about a kilobyte.
	maxServices = 100_000
)

var errTooMany = fmt.Errorf("too many different services were asked for: those that nobody asks for in %v make room", idleAfter)

// reader answers GetService from mirrors.
type reader struct {
	source    mirror.Source
	prefix    string
	namespace string // of names that state none
	log       *slog.Logger
	ctx       context.Context
	cancel    context.CancelFunc
	wg        sync.WaitGroup

	mirrors                 atomic.Int64 // that run
	maxMirrors, maxServices int

	// names has the *subject of each name that was asked for, as the user wrote
	// it.
	names sync.Map

	snapshot string // path; empty for none
	disk     disk
	loaded   chan struct{} // closed when the snapshot is loaded

	mu       sync.Mutex // guards the rest, and changes of names
	kept     *kept      // nil before the snapshot is loaded
	keeper   *snapshot.Keeper
	written  chan struct{} // closed when the keeper has ended; nil without one
	loadBy   time.Time     // until when the snapshot is waited for; never changed once there is a keeper
	spaces   map[string]*space
	services int // in spaces
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
	scope atomic.Pointer[scope]
	asked atomic.Bool // since the last sweep
	last  time.Time   // the sweep that last saw it asked for
}

func newReader(ctx context.Context, source mirror.Source, o *registrar.Options) *reader {
	r := &reader{
		source: source, prefix: o.Prefix, namespace: o.Namespace, log: o.Logger, spaces: map[string]*space{},
		snapshot: o.Snapshot, disk: realDisk, loaded: make(chan struct{}), maxMirrors: maxMirrors, maxServices: maxServices,
	}
	r.ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	return r
}

// get implements GetService.
func (r *reader) get(ctx context.Context, name string) (*registrar.Service, error) {
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
	sc := s.scope.Load()
	for !sc.ready() {
		err := sc.wait(ctx, r.ctx.Done(), r.inContact)
		sc = s.scope.Load() // it can have moved meanwhile
		if sc.synced() && ctx.Err() != nil {
			break
		}
		if err != nil && (!sc.synced() || errors.Is(err, registrar.ErrClosed)) {
			return nil, fmt.Errorf("registrar: getting %q: %w", name, err)
		}
	}
	return s.answer(sc)
}

// inContact reports whether a mirror has heard of etcd just now.
func (r *reader) inContact() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, sp := range r.spaces {
		for _, in := range sp.interests {
			if in.scope.Load().mirror.Status().State == mirror.Live {
				return true
			}
		}
	}
	return false
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
	if known, ok := r.names.Load(name); ok {
		return known.(*subject), nil
	}
	in, err := r.interest(n)
	if err != nil {
		return nil, fmt.Errorf("registrar: getting %q: %w: %w", name, registrar.ErrUnavailable, err)
	}
	s := &subject{
		ServiceName: n, interest: in,
		notFound: fmt.Errorf("registrar: service %s: %w", n, registrar.ErrNotFound),
	}
	r.names.Store(strings.Clone(name), s) // the caller's can be part of a larger string
	return s, nil
}

// interest returns what a service is mirrored by. The caller holds the mutex.
func (r *reader) interest(n registrar.ServiceName) (*interest, error) {
	sp := r.spaces[n.Namespace]
	if sp != nil && sp.interests[n.Service] != nil {
		return sp.interests[n.Service], nil
	}
	narrow := sp == nil || sp.wide == nil
	if r.services >= r.maxServices || (narrow && r.mirrors.Load() >= int64(r.maxMirrors)) {
		return nil, errTooMany
	}
	if sp == nil {
		sp = &space{interests: map[string]*interest{}}
		sp.ctx, sp.cancel = context.WithCancel(r.ctx)
		r.spaces[n.Namespace] = sp
	}
	if r.snapshot != "" && r.keeper == nil {
		r.keep()
	}
	in := &interest{last: time.Now()}
	if narrow {
		in.scope.Store(r.open(sp.ctx, catalog.ServicePrefix(r.prefix, n.Namespace, n.Service)))
	} else {
		in.scope.Store(sp.wide)
	}
	sp.interests[n.Service] = in
	r.services++
	r.grow(n.Namespace, sp)
	if !r.sweeping {
		r.sweeping = true
		r.wg.Go(r.sweep)
	}
	return in, nil
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
				r.services--
				if sc != sp.wide {
					r.remember(sc)
					sc.stop()
				}
			}
		}
		if len(sp.interests) == 0 {
			if sp.wide != nil {
				r.remember(sp.wide)
			}
			sp.cancel()
			delete(r.spaces, namespace)
		}
	}
	if len(dropped) == 0 {
		return
	}
	if r.kept != nil {
		r.kept.prune()
	}
	r.names.Range(func(name, s any) bool {
		if dropped[s.(*subject).interest] {
			r.names.Delete(name)
		}
		return true
	})
}

// awaitDisk waits for the last snapshot to be written, at most until the
// deadline. A disk that takes longer is left alone with it: the file is the old
// one or the new one in any case.
func (r *reader) awaitDisk(deadline time.Time) {
	r.mu.Lock()
	written := r.written
	r.mu.Unlock()
	if written == nil {
		return
	}
	timeout := time.NewTimer(time.Until(deadline))
	defer timeout.Stop()
	select {
	case <-written:
	case <-timeout.C:
		r.log.Warn("registrar: the disk is slow, closing without waiting for the last snapshot", "path", r.snapshot)
	}
}

// shut makes all calls fail with ErrClosed and stops the mirrors; wg tells when
// they have ended.
func (r *reader) shut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	r.names.Clear()
	r.cancel()
}
