package reader

import (
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
)

// absent reports whether a name that is not remembered means a service that is known not
// to exist, since its namespace is followed as a whole. Names of what does not exist, of
// which there is no end, take no memory so.
func (w *waiter) absent(n registrar.ServiceName) bool {
	whole := w.unasked(n)
	if whole == nil {
		return false
	}
	now := &service{started: time.Now()}
	now.followed.Store(whole)
	exists := !w.ready(now, whole) || w.replica.Load().Service(n.Namespace, n.Service) != nil
	return !exists && w.unasked(n) == whole // or else what the replica lacks says nothing
}

// unasked returns the range by which a namespace is followed as a whole, if nobody has
// asked for the service; else nil.
func (s *subscriptions) unasked(n registrar.ServiceName) *mirror.Range {
	s.mu.Lock()
	defer s.mu.Unlock()
	ns := s.namespaces[n.Namespace]
	if s.closed.Err() != nil || ns == nil || ns.services[n.Service] != nil {
		return nil
	}
	return ns.whole
}
