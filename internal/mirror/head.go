package mirror

// head is the latest revision that a trusted range of any view is complete up to. It is
// asked for with each list, and there can be as many of these as ranges: so it is remembered
// until a range is not trusted any more.
type head struct {
	revision int64
	known    bool
}

// of returns the revision; 0 if no range is trusted.
func (h *head) of(v views) int64 {
	if h.known {
		return h.revision
	}
	*h = head{known: true}
	for _, c := range v {
		for _, r := range c.complete {
			h.advance(r)
		}
	}
	return h.revision
}

// advance takes what a range is complete up to now.
func (h *head) advance(r *Range) {
	if r.trusted() {
		h.revision = max(h.revision, r.revision)
	}
}

// distrust notes that a range is about not to be trusted any more.
func (h *head) distrust(r *Range) {
	if r.trusted() {
		h.known = false
	}
}
