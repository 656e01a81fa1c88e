package etcd

import (
	"cmp"
	"errors"
	"io/fs"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
	"github.com/rosterdns/roster/internal/snapshot"
)

// maxSnapshotAge is how long after the last contact with etcd a snapshot of a
// service is still an answer, as for the DNS server by default.
const maxSnapshotAge = 24 * time.Hour

// kept is what was read of a snapshot: ranges with the entries of each.
type kept struct {
	cluster uint64
	root    string
	ranges  []keptRange
}

type keptRange struct {
	snapshot.Range
	entries []snapshot.Entry
}

// load reads a snapshot of a registry; what is no use is left out. It is nil if
// there is none.
func load(path, root string, log *slog.Logger) *kept {
	k, err := read(path, root)
	switch {
	case errors.Is(err, fs.ErrNotExist): // the first start
		return nil
	case err != nil:
		log.Warn("registrar: starting without the snapshot", "path", path, "error", err)
		return nil
	}
	return k
}

var errForeign = errors.New("it is of another registry")

func read(path, root string) (*kept, error) {
	f, err := snapshot.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	h := f.Header()
	if h.Root != root {
		return nil, errForeign
	}
	k := &kept{cluster: h.Cluster, root: root}
	for _, r := range h.Ranges {
		if time.Since(r.Contact) <= maxSnapshotAge {
			k.ranges = append(k.ranges, keptRange{Range: r})
		}
	}
	for e, err := range f.Entries() {
		if err != nil {
			return nil, err
		}
		if r := k.covering(root + e.Key); r != nil {
			e.Value = slices.Clone(e.Value)
			r.entries = append(r.entries, e)
		}
	}
	return k, nil
}

// covering returns the range that holds a prefix whole, or nil.
func (k *kept) covering(prefix string) *keptRange {
	if k == nil {
		return nil
	}
	for i := range k.ranges {
		if strings.HasPrefix(prefix, k.ranges[i].Prefix) {
			return &k.ranges[i]
		}
	}
	return nil
}

// restore fills a mirror of a prefix from the snapshot, if that covers it.
func (k *kept) restore(m *mirror.Mirror, prefix string) bool {
	r := k.covering(prefix)
	if r == nil {
		return false
	}
	entries := func(yield func(snapshot.Entry, error) bool) {
		for _, e := range r.entries {
			if !yield(e, nil) {
				return
			}
		}
	}
	m.Restore(mirror.Head{Cluster: k.cluster, Revision: r.Revision}, r.Contact, services.Restored(entries, k.root, prefix))
	return true
}

// keep loads the snapshot and has it written from then on. The caller holds the
// mutex; it is called once.
func (r *reader) keep() {
	r.kept = load(r.snapshot, r.prefix+"/", r.log)
	r.keeper = snapshot.NewKeeper(snapshot.KeeperConfig{Path: r.snapshot, Take: r.take, Log: r.log})
	r.wg.Go(func() { r.keeper.Run(r.ctx) })
}

// take returns what a snapshot keeps: what is mirrored now, and what nobody has
// asked for since the snapshot was loaded.
func (r *reader) take() (snapshot.Header, iter.Seq[snapshot.Entry], bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	scopes := map[*scope]bool{}
	for _, sp := range r.spaces {
		for _, in := range sp.interests {
			scopes[in.scope.Load()] = true
		}
	}
	h := snapshot.Header{Root: r.prefix + "/"}
	parts := map[string]iter.Seq[snapshot.Entry]{}
	for sc := range scopes {
		s := sc.mirror.Status()
		if s.State == mirror.Unsynced {
			continue
		}
		h.Cluster = cmp.Or(s.Cluster, h.Cluster)
		h.Ranges = append(h.Ranges, snapshot.Range{Prefix: sc.prefix, Revision: s.Revision, Contact: s.Contact})
		parts[sc.prefix] = sc.store.Load().Entries()
	}
	if k := r.kept; k != nil {
		h.Cluster = cmp.Or(h.Cluster, k.cluster)
		for _, old := range k.ranges {
			_, mirrored := parts[old.Prefix]
			if !mirrored && time.Since(old.Contact) <= maxSnapshotAge {
				h.Ranges = append(h.Ranges, old.Range)
				parts[old.Prefix] = slices.Values(old.entries)
			}
		}
	}
	h.Ranges = slices.SortedFunc(slices.Values(h.Ranges), func(a, b snapshot.Range) int { return strings.Compare(a.Prefix, b.Prefix) })
	// A namespace that is mirrored as a whole covers its services.
	h.Ranges = slices.CompactFunc(h.Ranges, func(a, b snapshot.Range) bool { return strings.HasPrefix(b.Prefix, a.Prefix) })
	covered := map[string]bool{}
	for _, rg := range h.Ranges {
		covered[rg.Prefix] = true
	}
	maps.DeleteFunc(parts, func(prefix string, _ iter.Seq[snapshot.Entry]) bool { return !covered[prefix] })
	return h, func(yield func(snapshot.Entry) bool) {
		for _, entries := range parts {
			for e := range entries {
				if !yield(e) {
					return
				}
			}
		}
	}, len(h.Ranges) > 0
}
