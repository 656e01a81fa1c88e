package writer

import (
	"slices"

	"github.com/rosterdns/roster/registrar"
)

// callers are those that wait.
type callers map[*caller]struct{}

// tried reports whether what was asked of an entry was tried.
func (e *entry) tried() bool {
	return e.converged() || e.state == registrar.StateSuperseded || e.refused != nil
}

// wait returns a caller that waits for entries; not at all while etcd is known to be away.
func (t *table) wait(list []*entry) *caller {
	c := &caller{done: make(chan struct{})}
	t.callers[c] = struct{}{}
	if t.contact.away == nil && !t.contact.slow && !t.closed {
		for _, e := range list {
			if !e.tried() {
				t.callers.add(e, c)
			}
		}
	}
	if c.left == 0 {
		t.callers.end(c)
	}
	return c
}

// add has a caller wait for an entry. Before the entry's list would grow, it is cleared of
// callers whose wait has ended: they can come all the time while the entry is not tried. Then
// there is room for as many again as wait, so that it is cleared seldom.
func (w callers) add(e *entry, c *caller) {
	if len(e.callers) == cap(e.callers) {
		e.callers = slices.DeleteFunc(e.callers, func(other *caller) bool {
			_, waits := w[other]
			return !waits
		})
		e.callers = slices.Grow(e.callers, len(e.callers)+1)
	}
	e.callers = append(e.callers, c)
	c.left++
}

// attempted tells the callers that wait for an entry if it was tried.
func (w callers) attempted(e *entry) {
	if len(e.callers) == 0 || !e.tried() {
		return
	}
	for _, c := range e.callers {
		if c.left--; c.left == 0 {
			w.end(c)
		}
	}
	e.callers = nil
}

// end ends a wait, if it hasn't ended.
func (w callers) end(c *caller) {
	if _, waits := w[c]; waits {
		delete(w, c)
		close(c.done)
	}
}

// endAll ends all waits.
func (w callers) endAll() {
	for c := range w {
		w.end(c)
	}
}
