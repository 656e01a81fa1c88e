package services

import (
	"slices"
	"sync"
	"sync/atomic"
)

// Bounds of the journal. What it has of a commit is what the commit replaced.
const (
	// maxDeltas is four seconds at a thousand commits a second: a secondary is told of
	// changes once a second, and some take another second to load what they transfer. Each
	// has replaced some 2.5 KiB of lists and nodes.
	maxDeltas = 4096
	// maxEdits bounds the instances, at up to 1 KiB each, that are nowhere but in
	// the journal. The delta of a larger commit would save subscribers nothing:
	// they get the generation.
	maxEdits = 16_384
	// maxShown bounds the serials of which is known what was shown under them: those
	// of the journal's commits and, since etcd's revision also rises without a change
	// here, some times as many.
	maxShown = 4 * maxDeltas
)

// Delta is what a commit changed. It is immutable and shared.
type Delta struct {
	// Sequence numbers the deltas of a store from 1 on, without gaps.
	Sequence uint64
	// Generation is the state after the commit.
	Generation *Generation
	// Changes has each service that differs, once. Without any, only what
	// belongs to a snapshot besides has changed: etcd's revision moved backward,
	// or a Guard protects more.
	Changes []Change

	weight int // edits that it took
}

// shown says that the state after a delta was shown under a serial.
type shown struct {
	serial   int64
	sequence uint64 // of the delta
}

// journal has the present generation and the last deltas that led to it. Writers
// never wait for readers of it.
type journal struct {
	present atomic.Pointer[Generation]

	mu     sync.Mutex // has present and the deltas change in one step
	last   uint64     // sequence of the last delta; 0 if there was none
	deltas []Delta    // the last ones
	weight int        // of deltas
	// base is the generation that the first of deltas has changed.
	base *Generation
	// shown are the serials under which a state was shown, in ascending order.
	shown []shown
	// changed is closed by the next delta; nil while nobody waits.
	changed chan struct{}
	waiting waiting
	closed  chan struct{}
}

func (j *journal) init(g *Generation) {
	j.present.Store(g)
	j.base = g
	j.closed = make(chan struct{})
	close(j.closed)
}

// publish makes a generation the present one. It adds a delta if there are
// changes, or if notify says that there is news all the same.
func (j *journal) publish(g *Generation, changes []Change, weight int, notify bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.present.Store(g)
	if len(changes) > 0 || notify {
		j.add(Delta{Generation: g, Changes: changes, weight: weight})
	}
	j.show(g)
}

// notify adds a delta without changes.
func (j *journal) notify() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.add(Delta{Generation: j.present.Load()})
}

func (j *journal) add(d Delta) {
	j.last++
	d.Sequence = j.last
	j.detach()
	j.deltas = append(j.deltas, d)
	j.weight += d.weight
	for len(j.deltas) > maxDeltas || j.weight > maxEdits {
		j.weight -= j.deltas[0].weight
		j.base = j.deltas[0].Generation
		j.deltas[0] = Delta{} // the memory is still that of the others
		j.deltas = j.deltas[1:]
	}
	if j.changed != nil {
		close(j.changed)
		j.changed = nil
	}
	j.waiting.notify(d.Changes)
}

// detach drops what readers made of the versions that the last delta replaced:
// the journal would hold it. Those who had just read one of them are done by now.
func (j *journal) detach() {
	if len(j.deltas) == 0 {
		return
	}
	before := j.base
	if n := len(j.deltas); n > 1 {
		before = j.deltas[n-2].Generation
	}
	for _, c := range j.deltas[len(j.deltas)-1].Changes {
		before.versions(c.Old, (*Service).detach)
	}
}

// show notes that a generation is shown after the last delta.
func (j *journal) show(g *Generation) {
	serial := g.FullSerial()
	n := len(j.shown)
	switch {
	case serial == 0: // no list is complete
	case n > 0 && j.shown[n-1].serial == serial:
		j.shown[n-1].sequence = j.last
	default:
		if n == maxShown {
			j.shown = slices.Delete(j.shown, 0, n/2)
		}
		j.shown = append(j.shown, shown{serial, j.last})
	}
}

// forget drops what was shown so far: the serial is set to one that continues
// elsewhere.
func (j *journal) forget() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.shown = nil
}

// since returns the deltas from a sequence on. It reports false where the
// journal doesn't reach back so far.
func (j *journal) since(sequence uint64) ([]Delta, bool) {
	missing := j.last + 1 - sequence
	if missing > uint64(len(j.deltas)) {
		return nil, false
	}
	return slices.Clone(j.deltas[len(j.deltas)-int(missing):]), true
}

// Subscription reads the deltas of a Store, each once and in order. It never
// blocks a commit, and needs no Close. It is for one goroutine.
type Subscription struct {
	journal *journal
	next    uint64 // sequence of the delta to read next; 0 before the first Next
}

// Changed returns a channel that is closed as soon as Next has something to
// return.
func (u *Subscription) Changed() <-chan struct{} {
	j := u.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if u.next <= j.last {
		return j.closed
	}
	if j.changed == nil {
		j.changed = make(chan struct{})
	}
	return j.changed
}

// Next returns the deltas since the last call, or, where the journal doesn't
// reach back so far, and at the first call, the present generation: reset. It
// doesn't wait: there can be neither.
func (u *Subscription) Next() (deltas []Delta, reset *Generation) {
	j := u.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	if u.next > j.last {
		return nil, nil
	}
	deltas, ok := j.since(u.next)
	if u.next == 0 || !ok {
		deltas, reset = nil, j.present.Load()
	}
	u.next = j.last + 1
	return deltas, reset
}
