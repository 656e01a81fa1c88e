package writer

import "slices"

// queue has the entries with something to do. One whose place is another one
// meanwhile is passed over.
type queue struct {
	ready    []*entry // in the order in which they are to be written
	deferred []*entry
	unleased []*entry
}

// push gives an entry its turn, or a try later.
func (q *queue) push(e *entry, later bool) {
	switch {
	case later:
		e.place = deferred
		q.deferred = append(q.deferred, e)
	case e.place != ready:
		e.place = ready
		q.ready = append(q.ready, e)
	}
}

// next returns the next entry whose turn it is; nil if there is none.
func (q *queue) next() *entry {
	for len(q.ready) > 0 {
		e := q.ready[0]
		q.ready = q.ready[1:]
		if e.place == ready {
			return e
		}
	}
	return nil
}

// awaitLease has an entry wait for a lease.
func (q *queue) awaitLease(e *entry) {
	e.place = unleased
	q.unleased = append(q.unleased, e)
}

// leased gives their turn to all that wait for a lease.
func (q *queue) leased() {
	q.turn(q.unleased, unleased)
	q.unleased = nil
}

// tryAgain gives their turn to all that wait, be it for a lease.
func (q *queue) tryAgain() {
	q.turn(q.deferred, deferred)
	q.deferred = nil
	q.leased()
}

func (q *queue) turn(entries []*entry, at place) {
	for _, e := range entries {
		if e.place == at {
			q.push(e, false)
		}
	}
}

// waiting reports whether an entry waits for the next try.
func (q *queue) waiting() bool {
	is := func(at place) func(*entry) bool { return func(e *entry) bool { return e.place == at } }
	return slices.ContainsFunc(q.deferred, is(deferred)) || slices.ContainsFunc(q.unleased, is(unleased))
}
