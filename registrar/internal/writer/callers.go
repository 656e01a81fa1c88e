package writer

import "github.com/rosterdns/roster/registrar"

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
				e.callers = append(e.callers, c)
				c.left++
			}
		}
	}
	if c.left == 0 {
		t.endWait(c)
	}
	return c
}

// attempted tells the callers that wait for an entry if it was tried.
func (t *table) attempted(e *entry) {
	if len(e.callers) == 0 || !e.tried() {
		return
	}
	for _, c := range e.callers {
		if c.left--; c.left == 0 {
			t.endWait(c)
		}
	}
	e.callers = nil
}

// endWait ends a wait, if it hasn't ended.
func (t *table) endWait(c *caller) {
	if _, waits := t.callers[c]; waits {
		delete(t.callers, c)
		close(c.done)
	}
}

// endWaits ends all waits.
func (t *table) endWaits() {
	for c := range t.callers {
		t.endWait(c)
	}
}
