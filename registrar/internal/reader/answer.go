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
	asked    atomic.Bool // by this name since the last sweep

	mu     sync.Mutex // makes an answer once
	cached atomic.Pointer[answer]
	hit    atomic.Pointer[hit] // nil until there is a live answer
}

// ask notes that the name is asked for. That its service is, is noted apart.
func (s *subject) ask() { note(&s.asked) }

// answer is the answer to a name, and what it was made of.
type answer struct {
	generation *services.Generation
	sources    sources
	stale      bool
	service    *registrar.Service // without instances for ErrNotFound
}

// hit is a live answer of which nothing has changed as long as its generation is the
// present one, and what it depends on is live.
type hit struct {
	*answer
	redirect *redirect // whose services the answer depends on besides; nil for none
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

// answer returns the set of instances as of a generation, which can be empty. While
// nothing changes that is a few loads.
func (s *subject) answer(generation *services.Generation, stale bool) *answer {
	a := s.cached.Load()
	if a == nil || a.generation != generation || a.stale != stale {
		a = s.make(generation, stale)
	}
	return a
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
		next.service = s.result(next, a)
	case a.stale == stale:
		next.service = a.service
	default:
		service := *a.service
		service.Stale = stale
		next.service = &service
	}
	s.cached.Store(next)
	return next
}

// result returns what a user gets to see of the sources of an answer, which comes
// after another; nil for none.
func (s *subject) result(a, before *answer) *registrar.Service {
	version := a.sources.answering
	service := &registrar.Service{Namespace: s.Namespace, Name: s.Service, Revision: a.revision(before), Stale: a.stale}
	selected := version.Select(s.Selector)
	if len(selected) > 0 && len(selected) == version.Len() {
		// Shared by all who ask; clipped, so that append by a user copies.
		service.Instances = slices.Clip(version.Instances())
		return service
	}
	service.Instances = make([]registrar.Instance, 0, len(selected))
	for _, in := range selected {
		service.Instances = append(service.Instances, *in)
	}
	return service
}

// revision returns that of the service that answers, if it is the one that was asked
// for. Else who answers can change without a change to either service: to one
// between. It is etcd's then, as far as the generation shows it, and doesn't go back
// unless etcd's does.
func (a *answer) revision(before *answer) int64 {
	own, answering := a.sources.own, a.sources.answering
	if own != nil && own == answering {
		return own.Revision
	}
	revision := a.generation.Revision()
	for _, version := range []*services.Service{own, answering} {
		if version != nil {
			revision = max(revision, version.Revision)
		}
	}
	if before != nil && before.generation.Revision() <= a.generation.Revision() {
		revision = max(revision, before.service.Revision)
	}
	return revision
}
