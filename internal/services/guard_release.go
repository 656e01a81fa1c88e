package services

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
)

// Run removes expired instances when their time is over, until ctx is done.
func (g *Guard) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-g.wake:
		}
		tick := time.NewTicker(guardTick)
		for more := true; more; {
			select {
			case <-ctx.Done():
				more = false
			case <-tick.C:
				more = g.release(time.Now())
			}
		}
		tick.Stop()
	}
}

// release removes what has had its time, and reports whether more is to come.
func (g *Guard) release(now time.Time) (more bool) {
	g.mu.Lock()
	lastSets, outcome := g.removeLastSets(now)
	also, begun := g.remove(now)
	removed := g.removed
	if g.protected() > 0 {
		removed = 0 // more of the mass is to come
	} else {
		g.removed = 0
	}
	more = len(g.expired) > 0 || g.last.served > 0
	g.mu.Unlock()

	g.store.tell(outcome)
	g.store.tell(also)
	g.tell(begun)
	if lastSets > 0 {
		g.cfg.Log.Info("removed the last instances of services: none returned in time", "removed", lastSets)
	}
	if removed > 0 {
		g.cfg.Log.Info("mass expiry is over: removed the expired instances that did not return", "removed", removed)
	}
	return more
}

// released is the commit of what readers see change without etcd: the revision up to
// which it is known is the nearest there is.
func (g *Guard) released() mirror.Commit {
	return mirror.Commit{Cause: mirror.CauseWatch, Revision: g.store.Load().Revision()}
}

// removeLastSets removes the last instances of services that have had their time.
// It returns how many.
func (g *Guard) removeLastSets(now time.Time) (removed int, out outcome) {
	c := g.released()
	gone := g.last.over(now, c.Revision)
	if len(gone) == 0 {
		return 0, outcome{}
	}
	return len(gone), g.store.advance(eachEdit(gone), c)
}

// remove removes what has had its time of a mass, and forgets what is of no account
// any more. The last of a service stay as such from now on.
func (g *Guard) remove(now time.Time) (outcome, begun) {
	g.trim(now)
	c := g.released()
	var gone []edit
	for key, x := range g.expired {
		if x.served && !now.Before(x.until) {
			gone = append(gone, edit{key: key, revision: c.Revision, kind: deleteInstance})
			x.served = false
			g.unserved++
			if x.protected {
				g.removed++
			}
		}
		if !x.served && now.Sub(x.at) > guardWindow {
			g.drop(key, x)
		}
	}
	if len(gone) == 0 {
		return outcome{}, begun{}
	}
	slices.SortFunc(gone, func(a, b edit) int { return strings.Compare(a.key, b.key) })
	last := g.last.inspect(now, c, c.Revision)
	out := g.store.advance(eachEdit(gone), c, last)
	if last.begun.services > 0 {
		g.store.journal.notify() // a snapshot has more to say
	}
	return out, last.begun
}
