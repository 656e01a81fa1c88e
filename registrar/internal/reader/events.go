package reader

import (
	"sync"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/replica"
)

// events has those look again who wait for something of the replica. It is what
// observes that, so that its mutex is held for moments only, and no other one is
// taken with it.
type events struct {
	replica.Unobserved

	mu   sync.Mutex
	next chan struct{} // closed, and replaced, with each event
}

var _ replica.Observer = (*events)(nil)

func newEvents() *events { return &events{next: make(chan struct{})} }

// wait returns a channel that is closed with the next event.
func (e *events) wait() <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.next
}

// happened is an event.
func (e *events) happened() {
	e.mu.Lock()
	defer e.mu.Unlock()
	close(e.next)
	e.next = make(chan struct{})
}

// Failed implements mirror.Observer.
func (e *events) Failed(mirror.Reason, error) { e.happened() }

// Listed implements mirror.Observer.
func (e *events) Listed(mirror.Reason, int, time.Duration) { e.happened() }

// Applied implements mirror.Observer.
func (e *events) Applied(int, time.Duration) { e.happened() }
