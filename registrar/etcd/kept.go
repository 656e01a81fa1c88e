package etcd

import (
	"errors"
	"io/fs"
	"iter"
	"log/slog"
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

// kept is what was read of a snapshot.
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
func (r *keptRange) fresh() bool {
	return snapshot.Age(r.Contact, time.Now()) <= maxSnapshotAge
}

// of returns the narrowest range that holds a key or a prefix whole.
func (r ranges) of(key string) (in keptRange, found bool) {
	for end := len(key); ; end = strings.LastIndexByte(key[:end-1], '/') + 1 {
		if in, found = r[key[:end]]; found || end == 0 {
			return in, found
		}
	}
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
		if r.Contact.After(now) && snapshot.Age(r.Contact, now) == 0 {
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
// and the entries of that and of narrower ones as they are now. What was read
// too long ago is not known.
func (k *kept) covering(prefix string) (in snapshot.Range, entries iter.Seq[snapshot.Entry], known bool) {
	if k == nil {
		return in, nil, false
	}
	wide, found := k.ranges.of(strings.TrimPrefix(prefix, k.root))
	if !found || !wide.fresh() {
		return in, nil, false
	}
	below := ranges{strings.TrimPrefix(wide.Prefix, k.root): wide}
	for name, r := range k.ranges {
		if r.Prefix == wide.Prefix || !strings.HasPrefix(r.Prefix, prefix) {
			continue
		}
		if !r.fresh() {
			return in, nil, false // the wide one doesn't know of this part
		}
		below[name] = r
	}
	return wide.Range, below.all(), true
}

// restore fills a mirror of a prefix with what covers it.
func (k *kept) restore(m *mirror.Mirror, prefix string, in snapshot.Range, entries iter.Seq[snapshot.Entry]) {
	sound := func(yield func(snapshot.Entry, error) bool) {
		for e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}
	m.Restore(mirror.Head{Cluster: k.cluster, Revision: in.Revision}, in.Contact, services.Restored(sound, k.root, prefix))
}
