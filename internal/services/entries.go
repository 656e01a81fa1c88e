package services

import (
	"iter"

	"github.com/rosterdns/roster/catalog"
)

// Entries yields what a snapshot keeps of the generation: the key below Root and
// the value of each instance and of the overrides that apply to one, and the
// Revision of their service. Values are in the form of package catalog, which
// need not be that in etcd. It is for one goroutine; each value is new.
func (g *Generation) Entries() iter.Seq[Entry] {
	return func(yield func(Entry) bool) {
		for s := range g.All() {
			if !s.entries(yield) {
				return
			}
		}
	}
}

// Entry is a key that makes a part of a service.
type Entry struct {
	// Key is the key below Root.
	Key string
	// Value is the value of the key.
	Value []byte
	// Revision is the service's.
	Revision int64
}

func (s *Service) entries(yield func(Entry) bool) bool {
	for i := range s.Instances {
		in := s.Instances[i]
		o, overridden := s.overrides[in.ID]
		if overridden {
			in.Status = o.own
		}
		key := catalog.InstanceKey("", s.Namespace, s.Name, in.ID)[1:]
		if !yield(Entry{Key: key, Value: in.EncodeValue(), Revision: s.Revision}) {
			return false
		}
		if !overridden {
			continue
		}
		key = catalog.StatusKey("", s.Namespace, s.Name, in.ID)[1:]
		if !yield(Entry{Key: key, Value: catalog.Override{Status: o.status}.EncodeValue(), Revision: s.Revision}) {
			return false
		}
	}
	return true
}

// AnyLease stands for the lease of a key that is put back: nobody needs its ID,
// and every instance that is served has one or needs none.
const AnyLease = 1

// FullSerial returns the SOA serial before it is cut to 32 bits, for a snapshot.
func (g *Generation) FullSerial() int64 { return g.serial.value }

// RestoreSerial makes the serial go on where it was at a revision. It is called
// after the mirrors that feed the Store were restored, and before they run.
func (s *Store) RestoreSerial(full, revision int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := *s.gen.Load()
	next.serial = serial{value: full, offset: full - revision}
	s.gen.Store(&next)
}
