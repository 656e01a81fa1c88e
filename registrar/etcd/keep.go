package etcd

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// keep loads the snapshot and has it written from then on. The caller holds the
// mutex; it is called once.
func (r *reader) keep() {
	r.kept = load(r.snapshot, r.prefix+"/", r.log)
	r.keeper = snapshot.NewKeeper(snapshot.KeeperConfig{Path: r.snapshot, Take: r.take, Log: r.log})
	r.wg.Go(func() { r.keeper.Run(r.ctx) })
}

// take returns what a snapshot keeps: what is mirrored now, and what nobody has
// asked for since the snapshot was loaded. Each key comes once.
func (r *reader) take() (snapshot.Header, iter.Seq[snapshot.Entry], bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h := snapshot.Header{Root: r.prefix + "/"}
	all := ranges{}
	for sc := range r.scopes() {
		s := sc.mirror.Status()
		if s.State == mirror.Unsynced {
			continue
		}
		h.Cluster = cmp.Or(s.Cluster, h.Cluster)
		all[strings.TrimPrefix(sc.prefix, h.Root)] = sc.contents(s)
	}
	if r.kept != nil {
		h.Cluster = cmp.Or(h.Cluster, r.kept.cluster)
		all.add(r.kept.ranges)
	}
	parts := make([]iter.Seq[snapshot.Entry], 0, len(all))
	for _, in := range all {
		h.Ranges = append(h.Ranges, in.Range)
		parts = append(parts, all.each(in))
	}
	slices.SortFunc(h.Ranges, func(a, b snapshot.Range) int { return strings.Compare(a.Prefix, b.Prefix) })
	return h, chain(parts), len(h.Ranges) > 0
}

// add adds what was kept before, but for what is mirrored, alone or with its
// namespace: that is known better.
func (r ranges) add(old ranges) {
	mirrored := maps.Clone(r)
	for below, in := range old {
		if _, known := mirrored.of(below); !known && in.fresh() {
			r[below] = in
		}
	}
}

// scopes returns the scopes that answer. The caller holds the mutex.
func (r *reader) scopes() map[*scope]bool {
	out := map[*scope]bool{}
	for _, sp := range r.spaces {
		for _, in := range sp.interests {
			out[in.scope.Load()] = true
		}
	}
	return out
}

// contents returns what the scope has, of which the status tells.
func (sc *scope) contents(s mirror.Status) keptRange {
	return keptRange{
		Range:   snapshot.Range{Prefix: sc.prefix, Revision: s.Revision, Contact: s.Contact},
		entries: sc.store.Load().Entries(),
	}
}
