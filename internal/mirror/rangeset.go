package mirror

import (
	"cmp"
	"slices"
	"sync"
)

// rangeSet knows which ranges are followed, and which are cached: followed no
// more, with their contents still in the view. It is safe for concurrent use.
type rangeSet struct {
	mu       sync.Mutex
	followed map[member]*Range
	cached   map[member]RangeStatus
}

func newRangeSet() *rangeSet {
	return &rangeSet{followed: map[member]*Range{}, cached: map[member]RangeStatus{}}
}

// follow returns the range of a view that has a name, and whether it is new.
func (g *rangeSet) follow(c *contact, name string, view View) (r *Range, isNew bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := member{view, name}
	if r := g.followed[at]; r != nil {
		r.users++
		return r, false
	}
	r = newRange(c, name, view)
	g.followed[at] = r
	g.seed(r)
	return r, true
}

// seed makes a range ready where another range covers it whose contents are in the
// view: it is as recent as the most recent of these. The caller holds the mutex.
func (g *rangeSet) seed(r *Range) {
	if r.status.Load().State != Unsynced {
		return
	}
	var best RangeStatus
	enclosing(r.name, func(name string) bool {
		s, cached := g.cached[member{r.view, name}]
		if other := g.followed[member{r.view, name}]; !cached && other != nil {
			s = other.Status()
		}
		if s.State != Unsynced && (best.State == Unsynced || s.Contact.After(best.Contact)) {
			best = s
		}
		return false
	})
	if best.State == Unsynced {
		return
	}
	r.publish(func(now *RangeStatus) { now.State, now.Revision, now.Contact = Stale, best.Revision, best.Contact })
	close(r.ready)
}

// unfollow ends one use of a range, and reports whether it was the last.
func (g *rangeSet) unfollow(r *Range, cache bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	at := r.member()
	if g.followed[at] != r {
		return false
	}
	if r.users--; r.users > 0 {
		return false
	}
	delete(g.followed, at)
	if s := r.Status(); cache && s.State != Unsynced {
		s.State, s.Err, s.Cached = Stale, nil, true
		g.cached[at] = s
	}
	return true
}

// restore adds cached ranges.
func (g *rangeSet) restore(view View, ranges []RestoredRange) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range ranges {
		g.cached[member{view, r.Range}] = RangeStatus{Range: r.Range, State: Stale, Revision: r.Revision, Contact: r.Contact, Cached: true}
	}
	for at, r := range g.followed {
		if at.view == view {
			g.seed(r)
		}
	}
}

// forget removes the cached ranges with a name, and returns their views.
func (g *rangeSet) forget(name string) (views []View) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for at := range g.cached {
		if at.name == name {
			delete(g.cached, at)
			views = append(views, at.view)
		}
	}
	return views
}

// supersede removes the cached ranges all of whose keys a range has that was
// listed.
func (g *rangeSet) supersede(r *Range) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for at := range g.cached {
		if at.view == r.view && covers(r.name, at.name) {
			delete(g.cached, at)
		}
	}
}

// notify wakes who waits for another state of any range that is followed.
func (g *rangeSet) notify() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, r := range g.followed {
		r.changed.Notify()
	}
}

// holds reports whether a range, followed or cached, has a key.
func (g *rangeSet) holds(view View, key string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return enclosing(key, func(name string) bool {
		at := member{view, name}
		_, cached := g.cached[at]
		return cached || g.followed[at] != nil
	})
}

// all returns the state of all ranges, by name.
func (g *rangeSet) all() []RangeStatus {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]RangeStatus, 0, len(g.followed)+len(g.cached))
	for _, r := range g.followed {
		list = append(list, r.Status())
	}
	for _, s := range g.cached {
		list = append(list, s)
	}
	slices.SortFunc(list, func(a, b RangeStatus) int { return cmp.Compare(a.Range, b.Range) })
	return list
}
