package services

import (
	"iter"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rosterdns/roster/catalog"
)

// Service is one version of a service. It is immutable but for what readers
// attach to it, and shared.
type Service struct {
	Namespace, Name string
	// Revision is the etcd revision of the last change to the service.
	Revision int64

	instances instances       // that are valid
	up        int             // of them, those that are up
	policy    *catalog.Policy // nil if there is none
	// altered is how many instances a filter replaces or hides; 0 where it shows the service
	// as it is. It has 32 bits so that it shares a word with replaced: there are many
	// services.
	altered int32
	// replaced says that readers are about to see another version, or have seen it.
	replaced atomic.Bool
	// name is the one that all versions share, and the indexes.
	name *catalog.ServiceName
	// list, ports and attached return what readers made of this version.
	list     atomic.Pointer[func() []catalog.Instance]
	ports    atomic.Pointer[func() []catalog.PortName]
	attached atomic.Pointer[func() any]
	// built is what is attached, once it is there: a commit doesn't wait for it.
	built atomic.Pointer[any]
	// before returns what readers attached to an earlier version, until there is an
	// attachment.
	before atomic.Pointer[func() any]
}

// ServiceName returns the names of the service.
func (s *Service) ServiceName() catalog.ServiceName { return *s.name }

// Policy returns the policy of the service, or nil, as of no service. It is shared and
// must not be changed.
func (s *Service) Policy() *catalog.Policy {
	if s == nil {
		return nil
	}
	return s.policy
}

// Up returns how many instances are up.
func (s *Service) Up() int { return s.up }

// Len returns how many valid instances there are, whatever their status.
func (s *Service) Len() int { return s.instances.count }

// Instance returns the instance with the ID, or nil. It is shared and must not
// be changed. It is made of what is stored unless somebody holds it: versions in which
// the instance is the same return the same one then, and so does All.
func (s *Service) Instance(id string) *catalog.Instance {
	if e := s.instances.get(id); e != nil {
		return e.instance()
	}
	return nil
}

// All yields the valid instances in ascending order of ID, whatever their
// status, which has the override applied. They are as Instance returns them.
func (s *Service) All() iter.Seq[*catalog.Instance] {
	return func(yield func(*catalog.Instance) bool) {
		for e := range s.instances.all() {
			if !yield(e.instance()) {
				return
			}
		}
	}
}

// Instances returns what All yields. The slice is made at the first use, which
// costs a copy of every instance, and is shared: it must not be changed.
func (s *Service) Instances() []catalog.Instance {
	if made := s.list.Load(); made != nil {
		return (*made)()
	}
	return attach(&s.list, s.CopyInstances)
}

// CopyInstances returns what All yields, in memory of the caller's own: it costs less than
// All where nobody holds the instances.
func (s *Service) CopyInstances() []catalog.Instance {
	list := make([]catalog.Instance, 0, s.Len())
	for e := range s.instances.all() {
		list = append(list, e.copied())
	}
	return list
}

// NamedPorts returns the names of ports that an instance has, whatever its status,
// in ascending order. The slice is made at the first use, which goes through all
// instances, and is shared: it must not be changed.
func (s *Service) NamedPorts() []catalog.PortName {
	if made := s.ports.Load(); made != nil {
		return (*made)()
	}
	return attach(&s.ports, s.namedPorts)
}

// namedPorts makes what NamedPorts returns.
func (s *Service) namedPorts() []catalog.PortName {
	found := map[catalog.PortName]struct{}{}
	for e := range s.instances.all() {
		for p := range e.ports().all() {
			if p.Name != "" {
				found[portName(p)] = struct{}{}
			}
		}
	}
	return slices.SortedFunc(maps.Keys(found), catalog.PortName.Compare)
}

func portName(p catalog.Port) catalog.PortName {
	return catalog.PortName{Name: p.Name, Protocol: p.Protocol}
}

// attach has what build returns, which is called once, stored at p.
func attach[T any](p *atomic.Pointer[func() T], build func() T) T {
	made := sync.OnceValue(build)
	if !p.CompareAndSwap(nil, &made) {
		if other := p.Load(); other != nil {
			return (*other)()
		}
	}
	return made()
}

// detach drops what readers made of the version, which can be larger than the
// instances themselves.
func (s *Service) detach() {
	s.list.Store(nil)
	s.ports.Store(nil)
	s.attached.Store(nil)
	s.built.Store(nil)
	s.before.Store(nil)
}

// WithoutInstances returns a version of the service that has none.
func (s *Service) WithoutInstances() *Service {
	return &Service{Namespace: s.Namespace, Name: s.Name, Revision: s.Revision, policy: s.policy, name: s.name}
}

// at returns a version of the service that differs in its revision only.
func (s *Service) at(revision int64) *Service {
	return &Service{
		Namespace: s.Namespace, Name: s.Name, Revision: revision,
		instances: s.instances, up: s.up, policy: s.policy, name: s.name, altered: s.altered,
	}
}
