package reader

import (
	"slices"

	"github.com/rosterdns/roster/internal/mirror"
)

// hold has a Watch told of changes to a service, which stays followed meanwhile.
type hold struct {
	service  *service
	followed *mirror.Range // by which it was when the hold was made
	stops    []func()
}

// current reports whether the hold tells of everything still.
func (h *hold) current() bool { return h.service.followed.Load() == h.followed }

// hold has a service followed until release, and wake told of its changes. It
// reports false where a sweep has dropped the service.
func (s *subscriptions) hold(svc *service, wake chan<- struct{}) (*hold, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if svc.dropped.Load() {
		return nil, false
	}
	svc.watches++
	// A promotion replaces the range under the mutex, before that tells of its end.
	f := svc.followed.Load()
	return &hold{svc, f, []func(){s.replica.Store().Notify(svc.name, wake), f.Notify(wake)}}, true
}

// release ends a hold. From now on the service counts as asked for a last time.
func (s *subscriptions) release(h *hold) {
	for _, stop := range h.stops {
		stop()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h.service.watches--
	h.service.ask()
}

// hold has the watch told of all that the answer to a name depends on, as far as that
// is known. It reports false where a sweep has dropped some of it.
func (w *watch) hold(name *subject) bool {
	if w.held(name) && w.redirect == name.redirected() {
		return true
	}
	w.redirect = name.redirected()
	services := []*service{name.service}
	if w.redirect != nil {
		services = append(services, w.redirect.others...)
	}
	before := w.holds
	w.holds = nil
	for _, svc := range services {
		h, ok := w.reader.subscriptions.hold(svc, w.wake)
		if !ok {
			w.holds = append(w.holds, before...)
			w.redirect = nil
			return false
		}
		w.holds = append(w.holds, h)
	}
	w.releaseAll(before)
	return true
}

// held reports whether the holds are of the service of a name, and tell of
// everything.
func (w *watch) held(name *subject) bool {
	return len(w.holds) > 0 && w.holds[0].service == name.service &&
		!slices.ContainsFunc(w.holds, func(h *hold) bool { return !h.current() })
}

// release ends what the watch holds.
func (w *watch) release() { w.releaseAll(w.holds) }

func (w *watch) releaseAll(holds []*hold) {
	for _, h := range holds {
		w.reader.subscriptions.release(h)
	}
}
