package observing

import (
	"sync"

	"github.com/rosterdns/roster/registrar"
)

// Contact tells an observer of contact with the backend. What reads and what writes both
// know of it: the last news counts. It is safe for concurrent use.
type Contact struct {
	queue    *Queue
	observer registrar.Observer

	mu   sync.Mutex
	told bool
}

// NewContact returns a Contact of a client that had none yet.
func NewContact(queue *Queue, observer registrar.Observer) *Contact {
	return &Contact{queue: queue, observer: observer}
}

// Note queues what is news, for the next Tell of the queue. It can be called with a lock
// held.
func (c *Contact) Note(inContact bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.told == inContact {
		return
	}
	c.told = inContact
	c.queue.Add(func() { c.observer.Contacted(inContact) })
}
