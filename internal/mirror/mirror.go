package mirror

import (
	"context"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Config says what a mirror copies of what.
type Config struct {
	// Source is the etcd to read.
	Source Source
	// Root is what no view sees of a key: the registry's prefix with its '/'.
	Root string
	// Observer is told of events; nil is Unobserved.
	Observer Observer
	// Log gets a line when contact is lost and when it is back; nil discards.
	Log *slog.Logger
}

// Mirror keeps views equal to ranges of the keys of one etcd. A range is a
// string below Config.Root: "" is everything, one that ends in '/' a prefix,
// anything else a single key. Its methods are safe for concurrent use.
type Mirror struct {
	cfg      Config
	contact  *contact
	registry *registry
	status   atomic.Pointer[Status] // but for what contact knows
	loop     *loop

	mu    sync.Mutex
	calls []func() // for the loop
	wake  chan struct{}
}

// New returns a mirror, which does nothing until Run.
func New(cfg Config) *Mirror {
	if cfg.Observer == nil {
		cfg.Observer = Unobserved{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	m := &Mirror{cfg: cfg, contact: newContact(), registry: newRegistry(), wake: make(chan struct{}, 1)}
	m.status.Store(&Status{State: Unsynced})
	m.loop = newLoop(m)
	return m
}

// Run mirrors until ctx is done, and retries whatever fails without end. It is
// called once.
func (m *Mirror) Run(ctx context.Context) { m.loop.run(ctx) }

// Follow has a range listed and watched, and read by a view, whose dynamic type
// is comparable. It can be called at any time, also before Run. A range that a
// view has already is returned again; it is followed until Unfollow was called
// as often.
func (m *Mirror) Follow(rng string, view View) *Range {
	r, isNew := m.registry.follow(m, rng, view)
	if isNew {
		m.do(func() { m.loop.add(r) })
	}
	return r
}

// Unfollow ends what Follow began. With cache the contents stay in the view, as
// they are, as a cached range; else the keys that no other range has leave the
// view in a commit of CauseDrop.
func (m *Mirror) Unfollow(r *Range, cache bool) {
	if m.registry.unfollow(r, cache) {
		m.do(func() { m.loop.remove(r) })
	}
}

// Forget ends a cached range: the keys that no other range has leave its view in
// a commit of CauseDrop.
func (m *Mirror) Forget(rng string) {
	for _, view := range m.registry.forget(rng) {
		m.do(func() { m.loop.clear(view, rng) })
	}
}

// RestoredRange is a range of which a snapshot holds all keys.
type RestoredRange struct {
	Range    string
	Revision int64
	// Contact is when the range was last known to be complete up to Revision.
	Contact time.Time
}

// Restore fills a view with what a snapshot holds, as a list does, so that there
// is something to answer while etcd is away; its ranges are cached ones. The
// first list of a range takes every key for changed and removes what is gone; a
// view that compares sees no change where there is none.
//
// It is called before Run, with entries that are each in one of the ranges and
// come once.
func (m *Mirror) Restore(view View, head Head, ranges []RestoredRange, entries iter.Seq[Event]) {
	m.loop.restore(view, head, ranges, entries)
}

// Ranges returns the state of all ranges, followed and cached, by name.
func (m *Mirror) Ranges() []RangeStatus { return m.registry.all() }

// Status returns the mirror's state, without a lock and without allocation.
func (m *Mirror) Status() Status { return m.contact.status(*m.status.Load()) }

// do has the loop call fn.
func (m *Mirror) do(fn func()) {
	m.mu.Lock()
	m.calls = append(m.calls, fn)
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default: // it will see this one too
	}
}

// take returns the calls that wait.
func (m *Mirror) take() []func() {
	m.mu.Lock()
	defer m.mu.Unlock()
	calls := m.calls
	m.calls = nil
	return calls
}
