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
	skips := g.remove(now)
	removed := g.removed
	if g.protected() > 0 {
		removed = 0 // more of the mass is to come
	} else {
		g.removed = 0
	}
	more = len(g.expired) > 0
	g.mu.Unlock()

	g.store.report(skips)
	if removed > 0 {
		g.log.Info("mass expiry is over: removed the expired instances that did not return", "removed", removed)
	}
	return more
}

// remove removes what has had its time, and forgets what is of no account any
// more. It returns what the Store skipped.
func (g *Guard) remove(now time.Time) []skip {
	g.trim(now)
	// What readers see changes without etcd: the revision up to which it is known
	// is the nearest there is.
	revision := g.store.Load().Revision()
	var gone []edit
	for key, x := range g.expired {
		if x.served && !now.Before(x.until) {
			gone = append(gone, edit{key: key, revision: revision, kind: deleteInstance})
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
		return nil
	}
	slices.SortFunc(gone, func(a, b edit) int { return strings.Compare(a.key, b.key) })
	return g.store.advance(gone, mirror.Commit{Cause: mirror.CauseWatch, Revision: revision}, nil)
}
