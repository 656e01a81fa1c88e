package reader

import (
	"sync/atomic"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
)

// service is a service that was asked for.
type service struct {
	followed atomic.Pointer[mirror.Range] // its own range, or its namespace's
	started  time.Time                    // when it was first asked for
	asked    atomic.Bool                  // since the last sweep
	last     time.Time                    // the sweep that last saw it asked for
}

// namespace is a namespace of which services were asked for.
type namespace struct {
	name     string
	services map[string]*service
	whole    *mirror.Range // nil while services are followed one by one
	promote  promotion
}

// serviceOf returns the service of a name, which is followed. The caller holds the
// mutex.
func (r *Reader) serviceOf(n registrar.ServiceName) (*service, error) {
	ns := r.namespaces[n.Namespace]
	if ns != nil && ns.services[n.Service] != nil {
		return ns.services[n.Service], nil
	}
	singly := ns == nil || ns.whole == nil
	if r.services >= r.maxServices || singly && r.ranges >= r.maxRanges {
		return nil, errTooMany
	}
	if r.replica == nil {
		if r.replica = r.Open(); r.replica == nil {
			return nil, registrar.ErrClosed
		}
		r.wg.Go(r.sweep)
	}
	if ns == nil {
		ns = &namespace{name: n.Namespace, services: map[string]*service{}}
		r.namespaces[n.Namespace] = ns
	}
	now := time.Now()
	svc := &service{started: now, last: now}
	if singly {
		svc.followed.Store(r.follow(n.Namespace + "/" + n.Service + "/"))
	} else {
		svc.followed.Store(ns.whole)
	}
	ns.services[n.Service] = svc
	r.services++
	r.tryPromote(ns, now)
	return svc, nil
}

// follow has a range followed. The caller holds the mutex.
func (r *Reader) follow(rng string) *mirror.Range {
	r.ranges++
	return r.replica.Follow(rng)
}

// unfollow ends it. The caller holds the mutex.
func (r *Reader) unfollow(f *mirror.Range) {
	r.ranges--
	r.replica.Unfollow(f)
}
