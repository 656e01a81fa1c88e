package services

import (
	"iter"
	"slices"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// Entries yields what a snapshot keeps of the generation: the key below Root and
// the value of each instance and of the overrides that apply to one, and the
// Revision of their service. Values are in the form of package catalog, which
// need not be that in etcd. It is for one goroutine; each value is new.
func (g *Generation) Entries() iter.Seq[snapshot.Entry] {
	return func(yield func(snapshot.Entry) bool) {
		for s := range g.All() {
			if !s.entries(yield) {
				return
			}
		}
	}
}

func (s *Service) entries(yield func(snapshot.Entry) bool) bool {
	for i := range s.Instances {
		in := s.Instances[i]
		o, overridden := s.overrides[in.ID]
		if overridden {
			in.Status = o.own
		}
		key := catalog.InstanceKey("", s.Namespace, s.Name, in.ID)[1:]
		if !yield(snapshot.Entry{Key: key, Value: in.EncodeValue(), Revision: s.Revision}) {
			return false
		}
		if !overridden {
			continue
		}
		key = catalog.StatusKey("", s.Namespace, s.Name, in.ID)[1:]
		if !yield(snapshot.Entry{Key: key, Value: catalog.Override{Status: o.status}.EncodeValue(), Revision: s.Revision}) {
			return false
		}
	}
	return true
}

// Restored yields the events that put back those entries of a snapshot whose
// keys start with prefix, which starts with root. An error ends it: read the
// entries once before.
func Restored(entries iter.Seq2[snapshot.Entry, error], root, prefix string) iter.Seq[mirror.Event] {
	below := strings.TrimPrefix(prefix, root)
	return func(yield func(mirror.Event) bool) {
		for e, err := range entries {
			if err != nil {
				return
			}
			if !strings.HasPrefix(e.Key, below) {
				continue
			}
			if _, mark := isMark(&e); mark {
				continue // no key of etcd
			}
			ev := mirror.Event{Key: e.Key, Value: slices.Clone(e.Value), ModRevision: e.Revision, Lease: AnyLease}
			if !yield(ev) {
				return
			}
		}
	}
}

// AnyLease stands for the lease of a key that is put back: nobody needs its ID,
// and every instance that is served has one or needs none.
const AnyLease = 1
