package reader

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
)

// maxFurther bounds the names that are remembered beyond the first of each service: with
// selectors there is no end of them. Each costs about half a kilobyte, and a copy of the
// instances that it selects. What is not remembered is answered from the replica all the
// same, for a few times the cost.
const maxFurther = 1000

// names is the names that were asked for. It changes under the mutex of subscriptions.
type names struct {
	known sync.Map // the *subject by the name as the user wrote it
	// further is how many there are beyond the first of each service.
	further, maxFurther int
}

// find returns what a name means that is remembered; nil for others.
func (n *names) find(name string) *subject {
	if known, ok := n.known.Load(name); ok {
		return known.(*subject)
	}
	return nil
}

// remember adds a name of a service, unless there are too many.
func (n *names) remember(s *subject) {
	if len(s.subjects) > 0 {
		if n.further >= n.maxFurther {
			return
		}
		n.further++
	}
	n.known.Store(s.text, s)
	s.subjects = append(s.subjects, s)
}

// forget drops those names of a service that which says.
func (n *names) forget(svc *service, which func(*subject) bool) {
	before := len(svc.subjects)
	svc.subjects = slices.DeleteFunc(svc.subjects, func(s *subject) bool {
		if !which(s) {
			return false
		}
		n.known.Delete(s.text)
		return true
	})
	n.further -= max(before-1, 0) - max(len(svc.subjects)-1, 0)
}

func notFound(n registrar.ServiceName) error {
	return fmt.Errorf("registrar: service %s: %w", n, registrar.ErrNotFound)
}

// absent returns ErrNotFound if a name that is not remembered means a service that is
// known not to exist, since its namespace is followed as a whole; nil if that is not
// known. Names of what does not exist, of which there is no end, take no memory so.
func (r *Reader) absent(name string, w *waiter) error {
	n, err := registrar.ParseName(name, r.namespace)
	if err != nil {
		return err
	}
	whole := r.subscriptions.unasked(n)
	if whole == nil {
		return nil
	}
	now := &service{started: time.Now()}
	now.followed.Store(whole)
	exists := !w.ready(now, whole) || w.replica.Load().Service(n.Namespace, n.Service) != nil
	if exists || r.subscriptions.unasked(n) != whole { // it is followed no more: what the replica lacks says nothing
		return nil
	}
	return notFound(n)
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
