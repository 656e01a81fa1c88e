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

// maxKept bounds what a snapshot keeps besides what is mirrored: as much again,
// of which its header has room for several times.
const maxKept = maxMirrors

// kept is what was read of a snapshot, and what was mirrored since then and is
// no more. The reader's mutex guards it.
type kept struct {
	cluster uint64
	root    string
	ranges  ranges
}

// ranges are parts of a registry, by their prefix below its root. They can be
// nested, as a service and its namespace: a key is then the narrowest one's
// alone, which is the one that was read last.
type ranges map[string]keptRange

// keptRange is a range with its entries. It is not changed, only replaced.
type keptRange struct {
	snapshot.Range
	entries iter.Seq[snapshot.Entry]
}

// fresh reports whether the range is still an answer.
func (in keptRange) fresh() bool {
	return snapshot.Age(in.Contact, time.Now()) <= maxSnapshotAge
}

// of returns the narrowest range that holds a key or a prefix whole.
func (r ranges) of(key string) (in keptRange, found bool) {
	for end := len(key); ; end = strings.LastIndexByte(key[:end-1], '/') + 1 {
		if in, found = r[key[:end]]; found || end == 0 {
			return in, found
		}
	}
}

// useful reports whether a range is worth keeping: it is an answer, or the part
// that a wider one, which is an answer, doesn't know of.
func (r ranges) useful(name string, in keptRange) bool {
	if in.fresh() || name == "" {
		return in.fresh()
	}
	wider, found := r.of(name[:strings.LastIndexByte(name[:len(name)-1], '/')+1])
	return found && wider.fresh()
}

// all yields the entries of the ranges, but for those that are a narrower
// one's.
func (r ranges) all() iter.Seq[snapshot.Entry] {
	return func(yield func(snapshot.Entry) bool) {
		for _, in := range r {
			for e := range in.entries {
				if owner, _ := r.of(e.Key); owner.Prefix == in.Prefix && !yield(e) {
					return
				}
			}
		}
	}
}

// load reads a snapshot of a registry; what is no use is left out. It is empty
// if there is none.
func load(path, root string, log *slog.Logger) *kept {
	k, err := read(path, root)
	switch {
	case err == nil:
		return k
	case !errors.Is(err, fs.ErrNotExist): // which is the first start
		log.Warn("registrar: starting without the snapshot", "path", path, "error", err)
	}
	return &kept{root: root, ranges: ranges{}}
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
	k := &kept{cluster: h.Cluster, root: root, ranges: ranges{}}
	now := time.Now()
	for _, r := range h.Ranges {
		switch age := snapshot.Age(r.Contact, now); {
		case age > maxSnapshotAge:
			r.Contact = time.Time{} // for good, wherever the clock goes: its entries aren't read
		case r.Contact.After(now):
			r.Contact = now // ahead by little: it ages from here on
		}
		k.ranges[strings.TrimPrefix(r.Prefix, root)] = keptRange{Range: r}
	}
	entries := map[string][]snapshot.Entry{} // by prefix of their range
	for e, err := range f.Entries() {
		if err != nil {
			return nil, err
		}
		if r, found := k.ranges.of(e.Key); found && r.fresh() {
			e.Value = slices.Clone(e.Value)
			entries[r.Prefix] = append(entries[r.Prefix], e)
		}
	}
	for below, r := range k.ranges {
		r.entries = slices.Values(entries[r.Prefix])
		k.ranges[below] = r
	}
	return k, nil
}

// covering returns what is known of a prefix: the range that holds it whole,
// with the entries of that and of narrower ones. What was read too long ago is
// not known.
func (k *kept) covering(prefix string) (in keptRange, known bool) {
	if k == nil {
		return keptRange{}, false
	}
	wide, found := k.ranges.of(strings.TrimPrefix(prefix, k.root))
	if !found || !wide.fresh() {
		return keptRange{}, false
	}
	below := ranges{strings.TrimPrefix(wide.Prefix, k.root): wide}
	for name, r := range k.ranges {
		if r.Prefix == wide.Prefix || !strings.HasPrefix(r.Prefix, prefix) {
			continue
		}
		if !r.fresh() {
			return keptRange{}, false // the wide one doesn't know of this part
		}
		below[name] = r
	}
	return keptRange{wide.Range, below.all()}, true
}

// put keeps the last contents of what is mirrored no more, in place of all that
// was kept of it before. A cluster of 0 is unknown.
func (k *kept) put(in keptRange, cluster uint64) {
	k.cluster = cmp.Or(cluster, k.cluster)
	name := strings.TrimPrefix(in.Prefix, k.root)
	maps.DeleteFunc(k.ranges, func(other string, _ keptRange) bool { return strings.HasPrefix(other, name) })
	k.ranges[name] = in
}

// prune removes what is too old, and beyond maxKept ranges what is oldest.
func (k *kept) prune() {
	maps.DeleteFunc(k.ranges, func(name string, in keptRange) bool { return !k.ranges.useful(name, in) })
	excess := len(k.ranges) - maxKept
	if excess <= 0 {
		return
	}
	names := slices.SortedFunc(maps.Keys(k.ranges), func(a, b string) int {
		return k.ranges[a].Contact.Compare(k.ranges[b].Contact)
	})
	for _, name := range names[:excess] {
		delete(k.ranges, name)
	}
}

// restore fills a mirror of a prefix with what covers it.
func (in keptRange) restore(m *mirror.Mirror, cluster uint64, root, prefix string) {
	sound := func(yield func(snapshot.Entry, error) bool) {
		for e := range in.entries {
			if !yield(e, nil) {
				return
			}
		}
	}
	m.Restore(mirror.Head{Cluster: cluster, Revision: in.Revision}, in.Contact, services.Restored(sound, root, prefix))
}
