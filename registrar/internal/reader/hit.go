package reader

import "github.com/rosterdns/roster/registrar"

// repeated returns the last answer to a name where the next one would be the same; nil
// where that is not certain. It takes no lock, and costs a few loads.
func (w *waiter) repeated(s *subject) *registrar.Service {
	if w.lastChange != nil {
		return nil // the store may have more than the answer shows: see behind
	}
	h := s.hit.Load()
	if h == nil || w.failing() != nil || !s.service.fresh() {
		return nil
	}
	if h.redirect != nil {
		for _, other := range h.redirect.others {
			if !other.fresh() {
				return nil
			}
		}
	}
	if w.replica.Load() != h.generation { // after the look at what is live, as in look
		return nil
	}
	s.ask()
	return h.service
}

// fresh notes that the service is asked for, and reports whether it is followed and live.
func (svc *service) fresh() bool {
	svc.ask()
	return !svc.dropped.Load() && svc.followed.Load().Live()
}

// repeat has a live answer repeated, if it is clear what it depends on.
func (s *subject) repeat(a *answer) {
	next := &hit{answer: a}
	if own := a.sources.own; !s.Selector.AnyStatus && own != nil && own.Policy().Redirects() {
		next.redirect = s.redirect.Load()
		if next.redirect == nil || next.redirect.policy != own.Policy() {
			return // it is about to be another one
		}
	}
	if h := s.hit.Load(); h == nil || *h != *next {
		s.hit.Store(next)
	}
}
