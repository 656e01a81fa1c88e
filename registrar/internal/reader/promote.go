package reader

import (
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar/internal/etcderror"
)

// maxSingly is how many services of a namespace are followed one by one; beyond
// it one watch of the whole namespace is cheaper for etcd.
const maxSingly = 64

// When the whole of a namespace is tried again that etcd refuses, with a pause that
// doubles: rights are seldom given later, a refusal can be one of a moment, and each
// is logged.
const (
	promoteAgain = time.Minute
	promoteLimit = time.Hour
)

// tryPromote begins to follow a namespace as a whole once many services of it
// are. The caller holds the mutex.
func (s *subscriptions) tryPromote(ns *namespace, now time.Time) {
	if len(ns.services) <= maxSingly || ns.whole != nil || ns.promoting || now.Before(ns.again) {
		return
	}
	ns.promoting = true
	whole := s.follow(ns.name + "/")
	s.wg.Go(func() { s.promote(ns, whole) })
}

// promote moves the services of a namespace to its range once that is listed.
// Where the user may not read the whole they stay followed one by one.
func (s *subscriptions) promote(ns *namespace, whole *mirror.Range) {
	for happening := s.events.wait(); !s.promoted(ns, whole); happening = s.events.wait() {
		select {
		case <-happening:
		case <-s.closed.Done():
			return
		}
	}
}

// promoted moves the services of a namespace to its range if that is listed. It
// reports true where there is nothing more to wait for.
func (s *subscriptions) promoted(ns *namespace, whole *mirror.Range) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := whole.Status().Err
	switch {
	case s.namespaces[ns.name] != ns:
		s.unfollow(whole) // dropped meanwhile
	case isClosed(whole.Listed()):
		s.move(ns, whole)
	case err != nil && etcderror.Denied(err):
		s.unfollow(whole)
		ns.pause = min(max(2*ns.pause, promoteAgain), promoteLimit)
		ns.promoting, ns.again = false, time.Now().Add(ns.pause)
	default:
		return false
	}
	return true
}

// move makes the range of a namespace that of its services. The caller holds the
// mutex.
func (s *subscriptions) move(ns *namespace, whole *mirror.Range) {
	ns.promoting, ns.pause, ns.whole = false, 0, whole
	for _, svc := range ns.services {
		s.unfollow(svc.followed.Swap(whole))
	}
	s.events.happened()
	s.freed()
}
