package etcd

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
	"github.com/rosterdns/roster/registrar"
)

// subject is a name that was asked for, and the last answer.
type subject struct {
	registrar.ServiceName
	*interest
	notFound error

	mu     sync.Mutex // makes an answer once
	cached atomic.Pointer[answer]
}

// answer is the answer to a name, and what it was made of.
type answer struct {
	generation *services.Generation
	version    *services.Service // nil if there is none
	stale      bool
	service    *registrar.Service // nil for ErrNotFound
}

// answer returns the answer as of now. While nothing changes that is a few
// loads.
func (s *subject) answer(sc *scope) (*registrar.Service, error) {
	generation := sc.store.Load()
	stale := sc.mirror.Status().State != mirror.Live
	a := s.cached.Load()
	if a == nil || a.generation != generation || a.stale != stale {
		a = s.make(generation, stale)
	}
	if a.service == nil {
		return nil, s.notFound
	}
	return a.service, nil
}

// make renews the answer. A new generation that leaves the service alone keeps
// the result.
func (s *subject) make(generation *services.Generation, stale bool) *answer {
	version := generation.Service(s.Namespace, s.Service)
	s.mu.Lock()
	defer s.mu.Unlock()
	next := &answer{generation: generation, version: version, stale: stale}
	if a := s.cached.Load(); a != nil && a.version == version && a.stale == stale {
		next.service = a.service
	} else {
		next.service = result(version, stale, s.AnyStatus)
	}
	s.cached.Store(next)
	return next
}

// result returns what a user gets to see of a version of a service; nil if that
// has no instance.
func result(version *services.Service, stale, anyStatus bool) *registrar.Service {
	if version == nil {
		return nil
	}
	instances := version.Instances
	down := func(in catalog.Instance) bool { return !in.Up() }
	if !anyStatus && slices.ContainsFunc(instances, down) {
		instances = slices.DeleteFunc(slices.Clone(instances), down)
	}
	if len(instances) == 0 {
		return nil
	}
	return &registrar.Service{
		Namespace: version.Namespace, Name: version.Name, Revision: version.Revision,
		// Clipped, so that append by a user copies.
		Instances: slices.Clip(instances), Stale: stale,
	}
}
