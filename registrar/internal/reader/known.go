package reader

import (
	"slices"
	"sync"
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
	if len(s.names) > 0 {
		if n.further >= n.maxFurther {
			return
		}
		n.further++
	}
	n.known.Store(s.text, s)
	s.names = append(s.names, s.text)
}

// forget drops those names of a service that which says.
func (n *names) forget(svc *service, which func(*subject) bool) {
	before := len(svc.names)
	svc.names = slices.DeleteFunc(svc.names, func(name string) bool {
		// None is there any more once the client is closed.
		if known := n.find(name); known != nil && !which(known) {
			return false
		}
		n.known.Delete(name)
		return true
	})
	n.further -= max(before-1, 0) - max(len(svc.names)-1, 0)
}
