package reader

import (
	"fmt"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// Bounds of what is followed.
const (
	// maxRanges bounds the ranges of a client, each of which is a watch: 64
	// namespaces just before they are followed as a whole.
	maxRanges = 64 * maxSingly
	// maxServices bounds the services that a client remembers having been asked
	// for, there or not; each costs about a kilobyte.
	maxServices = 100_000
)

var errTooMany = fmt.Errorf("too many different services are followed: those not requested for %v are dropped", idleAfter)

// rangeOf returns the range that a service is followed by if it is followed singly.
func rangeOf(n catalog.ServiceName) string {
	switch {
	case n.Namespace == "":
		return "" // the registry's
	case n.Name == "":
		return n.Namespace + "/"
	default:
		return n.Namespace + "/" + n.Name + "/"
	}
}

// subscribe returns the service of a name, which is followed. The caller holds the
// mutex.
func (s *subscriptions) subscribe(n catalog.ServiceName) (*service, error) {
	ns := s.namespaces[n.Namespace]
	if ns != nil && ns.services[n.Name] != nil {
		return ns.services[n.Name], nil
	}
	singly := ns == nil || ns.whole == nil
	if s.services >= s.maxServices || singly && s.ranges >= s.maxRanges {
		return nil, fmt.Errorf("%w: %w", registrar.ErrUnavailable, errTooMany)
	}
	if s.replica == nil {
		if s.replica = s.open(); s.replica == nil {
			return nil, registrar.ErrClosed
		}
		s.wg.Go(s.sweep)
	}
	if ns == nil {
		ns = &namespace{name: n.Namespace, services: map[string]*service{}}
		s.namespaces[n.Namespace] = ns
	}
	now := time.Now()
	svc := &service{name: n, started: now, last: now}
	if singly {
		svc.followed.Store(s.follow(rangeOf(n)))
	} else {
		svc.followed.Store(ns.whole)
	}
	ns.services[n.Name] = svc
	s.services++
	s.tryPromote(ns, now)
	return svc, nil
}
