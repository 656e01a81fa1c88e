package mirror

import (
	"context"
	"iter"
	"sync"
)

// Mirror keeps views equal to ranges of the keys of one etcd. A range is a
// string below Config.Root: "" is everything, one that ends in '/' a prefix,
// anything else a single key. Its methods are safe for concurrent use.
type Mirror struct {
	*core
	loop *loop
	// order has the loop add and remove ranges in the order in which the rangeSet
	// does.
	order sync.Mutex
}

// New returns a mirror, which does nothing until Run.
func New(cfg Config) *Mirror {
	c := newCore(cfg)
	return &Mirror{core: c, loop: newLoop(c)}
}

// Run mirrors until ctx is done, and retries whatever fails. It is called once.
func (m *Mirror) Run(ctx context.Context) { m.loop.run(ctx) }

// Follow has a range listed and watched, and read by a view, whose dynamic type
// is comparable. It can be called at any time, also before Run. A range that a
// view has already is returned again; it is followed until Unfollow was called
// as often.
func (m *Mirror) Follow(rng string, view View) *Range {
	m.order.Lock()
	defer m.order.Unlock()
	r, isNew := m.ranges.follow(m.contact, rng, view)
	if isNew {
		m.loop.calls.add(func() { m.loop.add(r) })
	}
	return r
}

// AskAlong has etcd asked for progress now where that is due soon, and is not urgent: it
// is called before another request, for which the process wakes anyway.
func (m *Mirror) AskAlong() {
	m.loop.calls.add(func() {
		if s := m.loop.streams.session; s != nil {
			s.pacer.askEarly()
		}
	})
}

// Unfollow ends what Follow began. With cache the contents stay in the view, as
// they are, as a cached range; else the keys that no other range has leave the
// view in a commit of CauseDrop.
func (m *Mirror) Unfollow(r *Range, cache bool) {
	m.order.Lock()
	defer m.order.Unlock()
	if m.ranges.unfollow(r, cache) {
		m.loop.calls.add(func() { m.loop.remove(r) })
	}
}

// Forget ends a cached range: the keys that no other range has leave its view in
// a commit of CauseDrop.
func (m *Mirror) Forget(rng string) {
	for _, view := range m.ranges.forget(rng) {
		m.loop.calls.add(func() { m.loop.clear(view, rng) })
	}
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

// RestoreRunning is Restore while Run is under way, for a snapshot that took long
// to read. What etcd has shown meanwhile stays as it is: a range that was listed,
// alone or in a wider one, is left out, and so are keys that are known already. It
// returns when that is done, or reports false when ctx is.
func (m *Mirror) RestoreRunning(ctx context.Context, view View, head Head, ranges []RestoredRange, entries iter.Seq[Event]) bool {
	done := make(chan struct{})
	m.loop.calls.add(func() {
		if ctx.Err() == nil {
			m.loop.restoreRunning(view, head, ranges, entries)
			close(done)
		}
	})
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return isClosed(done)
	}
}

// Ranges returns the state of all ranges, followed and cached, by name.
func (m *Mirror) Ranges() []RangeStatus { return m.ranges.all() }
