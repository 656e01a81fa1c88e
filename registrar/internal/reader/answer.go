package reader

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rosterdns/roster/internal/services"
	"github.com/rosterdns/roster/registrar"
)

// subject is a name that was asked for, and the last answer.
type subject struct {
	text string // the name as the user wrote it
	registrar.ServiceName
	*service
	notFound error

	mu     sync.Mutex // makes an answer once
	cached atomic.Pointer[answer]
}

// answer is the answer to a name, and what it was made of.
type answer struct {
	generation *services.Generation
	sources    sources
	stale      bool
	service    *registrar.Service // nil for ErrNotFound
}

// sources is what an answer depends on: the version of the service, and of the one
// whose instances answer for it. They are nil where there is none.
type sources struct{ own, answering *services.Service }

// sources returns what the answer as of a generation depends on. Who asks for all
// instances, whatever their status, means the service itself, not who takes over.
func (s *subject) sources(generation *services.Generation) sources {
	own := generation.Service(s.Namespace, s.Service)
	if s.Selector.AnyStatus {
		return sources{own, own}
	}
	return sources{own, generation.Answering(own)}
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

// make renews the answer. A new generation that leaves its sources alone keeps the
// result.
func (s *subject) make(generation *services.Generation, stale bool) *answer {
	next := &answer{generation: generation, sources: s.sources(generation), stale: stale}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.cached.Load()
	switch {
	case a == nil || a.sources != next.sources:
		next.service = s.result(next)
	case a.stale == stale:
		next.service = a.service
	case a.service != nil:
		service := *a.service
		service.Stale = stale
		next.service = &service
	}
	s.cached.Store(next)
	return next
}

// result returns what a user gets to see of the sources of an answer; nil if
// nothing of them is selected.
func (s *subject) result(a *answer) *registrar.Service {
	version := a.sources.answering
	selected := version.Select(s.Selector)
	if len(selected) == 0 {
		return nil
	}
	service := &registrar.Service{Namespace: s.Namespace, Name: s.Service, Revision: version.Revision, Stale: a.stale}
	if version != a.sources.own {
		// Who answers can change without a change to either service: to one between.
		service.Revision = a.generation.Revision()
	}
	if len(selected) == version.Len() {
		// Shared by all who ask; clipped, so that append by a user copies.
		service.Instances = slices.Clip(version.Instances())
		return service
	}
	service.Instances = make([]registrar.Instance, len(selected))
	for i, in := range selected {
		service.Instances[i] = *in
	}
	return service
}
