package reader

import (
	"slices"

	"github.com/rosterdns/roster/internal/mirror"
)

// hold has a loop told of changes to a service, which stays followed meanwhile.
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

// hold has the loop told of services, in place of those that it was told of before. It
// reports false, and changes nothing, where a sweep has dropped some of them.
func (l *loop) hold(services ...*service) bool {
	if l.held(services...) {
		return true
	}
	var holds []*hold
	for _, svc := range services {
		h, ok := l.reader.subscriptions.hold(svc, l.wake)
		if !ok {
			l.releaseAll(holds)
			return false
		}
		holds = append(holds, h)
	}
	l.releaseAll(l.holds)
	l.holds = holds
	return true
}

// held reports whether the loop is told of everything that happens to the services.
func (l *loop) held(services ...*service) bool {
	return slices.EqualFunc(l.holds, services, func(h *hold, svc *service) bool { return h.service == svc && h.current() })
}

// release ends what the loop holds.
func (l *loop) release() { l.releaseAll(l.holds) }

func (l *loop) releaseAll(holds []*hold) {
	for _, h := range holds {
		l.reader.subscriptions.release(h)
	}
}
