package memory

import (
	"slices"
	"strings"
	"sync"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// Store is a registry that clients share. It is safe for concurrent use. The
// zero value is not usable; see NewStore.
type Store struct {
	mu       sync.RWMutex // guards the store, and the wishes of all its clients
	revision int64
	services map[serviceKey]*service
	clients  []*driver // in the order in which they were opened
	changed  chan struct{}
}

// NewStore returns an empty registry.
func NewStore() *Store {
	return &Store{services: map[serviceKey]*service{}, changed: make(chan struct{})}
}

type serviceKey struct{ namespace, name string }

type instanceKey struct {
	serviceKey
	id string
}

// service is what is registered under a name, and what users see of it.
type service struct {
	entries map[string]entry   // by ID
	up, all *registrar.Service // nil if there are no instances; never changed
}

// entry is a registered instance.
type entry struct {
	instance registrar.Instance
	owner    *driver // nil for a static one, which is nobody's
}

// get returns what GetService returns, or nil.
func (s *Store) get(n registrar.ServiceName) *registrar.Service {
	s.mu.RLock()
	defer s.mu.RUnlock()
	svc := s.services[serviceKey{n.Namespace, n.Service}]
	switch {
	case svc == nil:
		return nil
	case n.AnyStatus:
		return svc.all
	default:
		return svc.up
	}
}

func (s *Store) entry(k instanceKey) (entry, bool) {
	svc := s.services[k.serviceKey]
	if svc == nil {
		return entry{}, false
	}
	e, ok := svc.entries[k.id]
	return e, ok
}

// put writes an instance and supersedes other clients' wishes for its ID. The
// caller holds the mutex.
func (s *Store) put(k instanceKey, e entry) {
	svc := s.services[k.serviceKey]
	if svc == nil {
		svc = &service{entries: map[string]entry{}}
		s.services[k.serviceKey] = svc
	}
	writer := e.owner
	svc.entries[k.id] = e
	s.refresh(k.serviceKey)
	for _, d := range s.clients {
		if w := d.wishes[k]; w != nil && (writer == nil || d != writer) && !w.holds(e) {
			d.superseded(k, w)
		}
	}
}

// remove deletes an instance; whoever wishes for its ID besides gets it. The
// caller holds the mutex.
func (s *Store) remove(k instanceKey) {
	svc := s.services[k.serviceKey]
	delete(svc.entries, k.id)
	s.refresh(k.serviceKey)
	for _, d := range s.clients {
		if w := d.wishes[k]; w != nil {
			d.write(k, w)
			return
		}
	}
}

// refresh makes anew what users see of a service. The caller holds the mutex.
func (s *Store) refresh(k serviceKey) {
	s.revision++
	s.broadcast()
	svc := s.services[k]
	if len(svc.entries) == 0 {
		delete(s.services, k)
		return
	}
	all := &registrar.Service{Namespace: k.namespace, Name: k.name, Revision: s.revision}
	for _, e := range svc.entries {
		all.Instances = append(all.Instances, e.instance)
	}
	slices.SortFunc(all.Instances, func(a, b registrar.Instance) int { return strings.Compare(a.ID, b.ID) })
	all.Instances = slices.Clip(all.Instances) // so that append by a user copies
	up := *all
	up.Instances = slices.DeleteFunc(slices.Clone(all.Instances), func(in catalog.Instance) bool { return !in.Up() })
	up.Instances = slices.Clip(up.Instances)
	svc.all, svc.up = all, &up
	if len(up.Instances) == 0 {
		svc.up = nil
	}
}

// broadcast wakes those who wait for a change. The caller holds the mutex.
func (s *Store) broadcast() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// list returns the names of services, sorted; of all namespaces if namespace is
// empty.
func (s *Store) list(namespace string) []string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := []string{}
	for k := range s.services {
		switch namespace {
		case "":
			names = append(names, k.namespace+"/"+k.name)
		case k.namespace:
			names = append(names, k.name)
		}
	}
	slices.Sort(names)
	return names
}
