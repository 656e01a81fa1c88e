package reader

import (
	"time"

	"github.com/rosterdns/roster/internal/mirror"
)

const (
	// idleAfter is how long a service stays followed that nobody asks for. While
	// etcd is away it stays longer: what is known couldn't be read again.
	idleAfter = 10 * time.Minute
	// sweepEvery is how exactly that is taken.
	sweepEvery = time.Minute
)

// sweep drops, every now and then, what nobody asks for any more.
func (s *subscriptions) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-s.closed.Done():
			return
		case now := <-tick.C:
			s.drop(now)
		}
	}
}

func (s *subscriptions) drop(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.services
	for name, ns := range s.namespaces {
		for label, svc := range ns.services {
			if !svc.idle(now) {
				s.names.forget(svc, func(known *subject) bool { return !known.asked.Swap(false) })
				continue
			}
			svc.dropped.Store(true)
			s.names.forget(svc, func(*subject) bool { return true })
			delete(ns.services, label)
			s.services--
			if f := svc.followed.Load(); f != ns.whole {
				s.unfollow(f)
			}
		}
		if len(ns.services) > 0 {
			s.tryPromote(ns, now)
			continue
		}
		delete(s.namespaces, name)
		if ns.whole != nil {
			s.unfollow(ns.whole)
		}
	}
	if s.services < before {
		s.freed()
	}
}

// idle reports whether a service is to be dropped. The caller holds the mutex.
func (svc *service) idle(now time.Time) bool {
	if svc.asked.Swap(false) || svc.watches > 0 {
		svc.last = now
	}
	return now.Sub(svc.last) >= idleAfter && svc.followed.Load().Status().State != mirror.Stale
}
