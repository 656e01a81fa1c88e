package writer

import "slices"

// queue has the entries with something to do. One whose place is another one
// meanwhile is passed over.
type queue struct {
	ready    []*entry // in the order in which they are to be written
	deferred []*entry
}

// push gives an entry its turn, or a try later.
func (q *queue) push(e *entry, later bool) {
	switch {
	case later && e.place != deferred:
		e.place = deferred
		q.deferred = append(q.deferred, e)
	case !later && e.place != ready:
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

// tryAgain gives their turn to all that wait.
func (q *queue) tryAgain() {
	for _, e := range q.deferred {
		if e.place == deferred {
			q.push(e, false)
		}
	}
	q.deferred = nil
}

// waiting reports whether an entry waits for the next try.
func (q *queue) waiting() bool {
	return slices.ContainsFunc(q.deferred, func(e *entry) bool { return e.place == deferred })
}
