package writer

// leases is the leases that a client has had.
type leases struct {
	current int64          // 0 while there is none
	alive   map[int64]bool // of each, whether it can still be
}

func newLeases() leases { return leases{alive: map[int64]bool{}} }

// own reports whether a lease is, or was, this client's.
func (l *leases) own(id int64) bool {
	_, own := l.alive[id]
	return own
}

// expired reports whether a lease of this client's is known to be gone.
func (l *leases) expired(id int64) bool { return l.own(id) && !l.alive[id] }

// grant notes a new lease.
func (l *leases) grant(id int64) { l.current, l.alive[id] = id, true }

// lose gives the current lease up, which can live on unless it has expired.
func (l *leases) lose(expired bool) {
	l.alive[l.current] = !expired
	l.current = 0
}
