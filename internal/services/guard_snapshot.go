package services

import (
	"iter"
	"slices"
	"time"

	"github.com/rosterdns/roster/internal/snapshot"
)

// Snapshot returns what is served, and the entries that a snapshot has of it: those of
// Generation.Entries, and one for each instance that is served though it is gone, with
// until when. It is safe for concurrent use; the sequence is for one goroutine.
func (g *Guard) Snapshot() (*Generation, iter.Seq[snapshot.Entry]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen := g.store.Load() // under the mutex: just these instances are protected
	marks := make([]snapshot.Entry, 0, len(g.expired)+len(g.restored)+g.last.served+len(g.last.restored))
	for key, x := range g.expired {
		if x.protected && x.served {
			marks = append(marks, markEntry(key, expiredComponent, x.until))
		}
	}
	for key, x := range g.restored {
		marks = append(marks, markEntry(key, expiredComponent, x.until))
	}
	for key, until := range g.last.all() {
		marks = append(marks, markEntry(key, lastSetComponent, until))
	}
	return gen, func(yield func(snapshot.Entry) bool) {
		for e := range gen.Entries() {
			if !yield(e) {
				return
			}
		}
		slices.Values(marks)(yield)
	}
}

// Restore takes over from a snapshot which instances were gone, as Restored found
// them: where etcd still lacks them they go when their time is over, as if there had
// been no restart. Until that is known they stay. It is called after the contents
// were restored, and before the mirrors that feed the Guard run.
func (g *Guard) Restore(marks []snapshot.Entry) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	gen := g.store.Load()
	for i := range marks {
		until, err := time.Parse(time.RFC3339Nano, string(marks[i].Value))
		if err != nil {
			continue
		}
		if key, ok := markedKey(&marks[i], expiredComponent); ok {
			g.restoreExpired(gen, key, until, now)
		} else if key, ok := markedKey(&marks[i], lastSetComponent); ok {
			g.last.restore(gen, key, until, now)
		}
	}
	g.recall(now)
}

// restoreExpired takes over an instance that expired in a mass. Its time is no
// longer than one that expires now has: the clock or the configuration may have been
// another.
func (g *Guard) restoreExpired(gen *Generation, key string, until, now time.Time) {
	if !g.Protects() || gen.serviceOf(key) == nil {
		return
	}
	if latest := now.Add(g.cfg.ProtectFor); until.After(latest) {
		until = latest
	}
	g.restored[key] = &expiry{key: key, at: until.Add(-g.cfg.ProtectFor), until: until, served: true, protected: true}
}

// recall has those that expired just before a restart precede what expires after
// it: a mass that a restart cuts in two is one.
func (g *Guard) recall(now time.Time) {
	var recent []*expiry
	for _, x := range g.restored {
		if now.Sub(x.at) <= guardWindow {
			recent = append(recent, x)
		}
	}
	slices.SortFunc(recent, func(a, b *expiry) int { return a.at.Compare(b.at) })
	g.window.precede(recent)
}
