package reader

import (
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar/internal/etcderror"
)

// maxSingly is how many services of a namespace are followed one by one; beyond
// it one watch of the whole namespace is cheaper for etcd.
const maxSingly = 64

// How often the whole of a namespace is tried again that etcd refuses: rights
// are seldom given later, and a refusal can be one of a moment.
const (
	promoteAgain = time.Minute
	promoteLimit = time.Hour
)

// tryPromote begins to follow a namespace as a whole once many services of it
// are. The caller holds the mutex.
func (s *subscriptions) tryPromote(ns *namespace, now time.Time) {
	p := &ns.promote
	if len(ns.services) <= maxSingly || ns.whole != nil || p.underWay || now.Before(p.again) {
		return
	}
	p.underWay = true
	whole := s.follow(ns.name + "/")
	s.wg.Go(func() { s.promote(ns, whole) })
}

// promote moves the services of a namespace to its range once that is listed.
// Where the user may not read the whole they stay followed one by one.
func (s *subscriptions) promote(ns *namespace, whole *mirror.Range) {
	for happening := s.events.wait(); !s.promoted(ns, whole); happening = s.events.wait() {
		select {
		case <-whole.Listed():
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
		pause := min(max(2*ns.promote.pause, promoteAgain), promoteLimit)
		ns.promote = promotion{again: time.Now().Add(pause), pause: pause}
	default:
		return false
	}
	return true
}

// move makes the range of a namespace that of its services. The caller holds the
// mutex.
func (s *subscriptions) move(ns *namespace, whole *mirror.Range) {
	ns.promote, ns.whole = promotion{}, whole
	for _, svc := range ns.services {
		s.unfollow(svc.followed.Swap(whole))
	}
	s.events.happened()
}
