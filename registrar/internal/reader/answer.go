package reader

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
	"github.com/rosterdns/roster/registrar"
)

// subject is a name that was asked for, and the last answer.
type subject struct {
	name string // as the user wrote it
	registrar.ServiceName
	*service
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

// answer returns the answer as of a generation. While nothing changes that is a
// few loads.
func (s *subject) answer(generation *services.Generation, stale bool) (*registrar.Service, error) {
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
		next.service = result(version, stale, catalog.Selector{AnyStatus: s.AnyStatus})
	}
	s.cached.Store(next)
	return next
}

// result returns what a user gets to see of a version of a service; nil if
// nothing of it is selected.
func result(version *services.Service, stale bool, selector catalog.Selector) *registrar.Service {
	if version == nil {
		return nil
	}
	selected := selector.Select(version.All(), version.Len())
	if len(selected) == 0 {
		return nil
	}
	s := &registrar.Service{Namespace: version.Namespace, Name: version.Name, Revision: version.Revision, Stale: stale}
	if len(selected) == version.Len() {
		// Shared by all who ask; clipped, so that append by a user copies.
		s.Instances = slices.Clip(version.Instances())
		return s
	}
	s.Instances = make([]registrar.Instance, len(selected))
	for i, in := range selected {
		s.Instances[i] = *in
	}
	return s
}
