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
func (r *Reader) sweep() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-r.closed.Done():
			return
		case now := <-tick.C:
			r.drop(now)
		}
	}
}

func (r *Reader) drop(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	dropped := map[*service]bool{}
	for name, ns := range r.namespaces {
		for label, svc := range ns.services {
			if !svc.idle(now) {
				continue
			}
			dropped[svc] = true
			delete(ns.services, label)
			r.services--
			if f := svc.followed.Load(); f != ns.whole {
				r.unfollow(f)
			}
		}
		if len(ns.services) > 0 {
			r.tryPromote(ns, now)
			continue
		}
		delete(r.namespaces, name)
		if ns.whole != nil {
			r.unfollow(ns.whole)
		}
	}
	if len(dropped) == 0 {
		return
	}
	r.look() // who waits for a namespace that is gone
	r.names.Range(func(name, s any) bool {
		if dropped[s.(*subject).service] {
			r.names.Delete(name)
		}
		return true
	})
}

// idle reports whether a service is to be dropped.
func (s *service) idle(now time.Time) bool {
	if s.asked.Swap(false) {
		s.last = now
	}
	return now.Sub(s.last) >= idleAfter && s.followed.Load().Status().State != mirror.Stale
}
