package services

import (
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/rosterdns/roster/internal/snapshot"
)

// vanishedComponent makes the key of a mark from that of an instance, N/S/I: an
// entry N/S/_vanished/I of a snapshot says that the instance is served only
// because it vanished in a mass, and its value until when (RFC 3339). Components
// that start so are reserved, so that who knows no marks ignores them.
const vanishedComponent = "/_vanished"

// markKey returns the key of the mark of an instance.
func markKey(key string) string {
	i := strings.LastIndexByte(key, '/')
	return key[:i] + vanishedComponent + key[i:]
}

// isMark reports whether an entry is a mark, and of which key.
func isMark(e *snapshot.Entry) (key string, ok bool) {
	service, id, ok := strings.Cut(e.Key, vanishedComponent+"/")
	if !ok {
		return "", false
	}
	return service + "/" + id, true
}

// Snapshot returns what is served and what a snapshot keeps of it: that which
// Generation.Entries yields, and how long instances that vanished in a mass have
// still to be served. It is safe for concurrent use, the sequence for one
// goroutine.
func (g *Guard) Snapshot() (*Generation, iter.Seq[snapshot.Entry]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gen := g.store.Load() // under the mutex: marks are for just these instances
	marks := make([]snapshot.Entry, 0, len(g.missing)+len(g.restored))
	mark := func(key string, until time.Time) {
		marks = append(marks, snapshot.Entry{Key: markKey(key), Value: until.UTC().AppendFormat(nil, time.RFC3339Nano)})
	}
	for key, m := range g.missing {
		if m.protected && m.served {
			mark(key, m.until)
		}
	}
	for key, m := range g.restored {
		mark(key, m.until)
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

// Restore takes over from a snapshot which instances had vanished: where etcd
// still lacks them they go when their time is over, as if there had been no
// restart. Until that is known they stay. It is called after the mirrors that
// feed the Guard were restored, and before they run. An error ends it: read the
// entries once before.
func (g *Guard) Restore(entries iter.Seq2[snapshot.Entry, error]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := newPast(g.store, 0)
	now := time.Now()
	latest := now.Add(g.keep) // where the clock or the configuration was another
	for e, err := range entries {
		if err != nil {
			break
		}
		key, ok := isMark(&e)
		if !ok || before.instance(key) == nil {
			continue
		}
		until, err := time.Parse(time.RFC3339Nano, string(e.Value))
		if err != nil { // as good as no mark
			continue
		}
		if until.After(latest) {
			until = latest
		}
		g.restored[key] = &missing{at: until.Add(-g.keep), until: until, served: true, protected: true}
	}
	g.recall(now)
}

// recall has those that vanished just before a restart precede what vanishes
// after it: a mass that a restart cuts in two is one.
func (g *Guard) recall(now time.Time) {
	var late []*missing
	for _, m := range g.restored {
		if now.Sub(m.at) <= guardWindow {
			late = append(late, m)
		}
	}
	slices.SortFunc(late, func(a, b *missing) int { return a.at.Compare(b.at) })
	g.recent = append(late, g.recent...)
	g.kept, g.alarmed = g.kept+len(late), g.alarmed+len(late)
}

// stillMissing notes that an instance is not back that had vanished before a
// restart, and reports whether it is kept. It counts as of when it vanished, and
// the mass that it was of was told of then.
func (g *Guard) stillMissing(key string, m *missing, now time.Time) bool {
	delete(g.restored, key)
	if !now.Before(m.until) {
		return false
	}
	g.missing[strings.Clone(key)] = m
	if now.Sub(m.at) <= guardWindow {
		m.counted, g.tripped = true, true
		g.counted++
	}
	return true
}
