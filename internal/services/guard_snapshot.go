package services

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/rosterdns/roster/internal/snapshot"
)

// Snapshot returns what is served and what a snapshot has of it: that which
// Generation.Entries yields, and how long instances that expired in a mass have
// still to be served. It is safe for concurrent use, the sequence for one
// goroutine.
func (g *Guard) Snapshot() (*Generation, iter.Seq[snapshot.Entry]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen := g.store.Load() // under the mutex: just these instances are protected
	expired := make([]snapshot.Entry, 0, len(g.expired)+len(g.restored))
	add := func(key string, until time.Time) {
		expired = append(expired, snapshot.Entry{Key: expiredEntryKey(key), Value: until.UTC().AppendFormat(nil, time.RFC3339Nano)})
	}
	for key, x := range g.expired {
		if x.protected && x.served {
			add(key, x.until)
		}
	}
	for key, x := range g.restored {
		add(key, x.until)
	}
	return gen, func(yield func(snapshot.Entry) bool) {
		for e := range gen.Entries() {
			if !yield(e) {
				return
			}
		}
		slices.Values(expired)(yield)
	}
}

// Restore takes over from a snapshot which instances had expired, as Restored
// found them: where etcd still lacks them they go when their time is over, as if
// there had been no restart. Until that is known they stay. It is called after
// the contents were restored, and before the mirrors that feed the Guard run.
func (g *Guard) Restore(expired []snapshot.Entry) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	latest := now.Add(g.protect) // where the clock or the configuration was another
	gen := g.store.Load()
	for i := range expired {
		key, ok := expiredKey(&expired[i])
		until, err := time.Parse(time.RFC3339Nano, string(expired[i].Value))
		if !ok || err != nil || !gen.hasInstance(key) {
			continue
		}
		if until.After(latest) {
			until = latest
		}
		g.restored[key] = &expiry{key: key, at: until.Add(-g.protect), until: until, served: true, protected: true}
	}
	g.recall(now)
}

// hasInstance reports whether there is an instance with the key N/S/I.
func (g *Generation) hasInstance(key string) bool {
	namespace, rest, _ := strings.Cut(key, "/")
	name, id, _ := strings.Cut(rest, "/")
	s := g.Service(namespace, name)
	return s != nil && s.Instance(id) != nil
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
