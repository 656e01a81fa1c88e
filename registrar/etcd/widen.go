package etcd

import (
	"time"

	"github.com/rosterdns/roster/catalog"
)

// moveEvery is how often services are tried to be moved to the mirror of their
// namespace.
const moveEvery = 100 * time.Millisecond

// grow starts a mirror of the whole namespace once many services of it are
// mirrored. The caller holds the mutex.
func (r *reader) grow(namespace string, sp *space) {
	if len(sp.interests) <= maxNarrow || sp.widening {
		return
	}
	sp.widening = true
	wide := r.open(sp.ctx, catalog.NamespacePrefix(r.prefix, namespace))
	r.wg.Go(func() { r.widen(sp, wide) })
}

// widen moves the services of a namespace to its mirror once that has a list.
// Where the user may not read the whole namespace they stay mirrored one by one.
func (r *reader) widen(sp *space, wide *scope) {
	select {
	case <-sp.ctx.Done():
		return
	case <-wide.refused:
		wide.stop()
		return
	case <-wide.mirror.Synced():
	}
	tick := time.NewTicker(moveEvery)
	defer tick.Stop()
	for !r.move(sp, wide) {
		select {
		case <-sp.ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// move moves those services that the mirror of the namespace knows at least as
// well as their own, so that no reader is thrown back. It reports whether that
// are all.
func (r *reader) move(sp *space, wide *scope) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	sp.wide = wide
	all := true
	for _, in := range sp.interests {
		narrow := in.scope.Load()
		if narrow == wide {
			continue
		}
		if narrow.store.Load().Revision() > wide.store.Load().Revision() {
			all = false
			continue
		}
		in.scope.Store(wide)
		close(narrow.moved) // who waits for its first list need not
		narrow.stop()
	}
	return all
}
