package reader

import (
	"context"
	"sync"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/replica"
	"github.com/rosterdns/roster/internal/services"
)

// Replica is what a reader needs of a replica.Replica.
type Replica interface {
	Load() *services.Generation
	Follow(rng string) *mirror.Range
	Unfollow(r *mirror.Range)
	Status() mirror.Status
	LastError() error
}

// subscriptions is the services that were asked for, and the ranges of the replica
// that they are followed by.
type subscriptions struct {
	open   func() Replica
	closed context.Context
	close  context.CancelFunc
	wg     sync.WaitGroup
	// dropped is told of services that nobody asks for any more. It is called with
	// the mutex held.
	dropped func(map[*service]bool)

	maxRanges, maxServices int

	mu         sync.Mutex
	replica    Replica // nil before the first question; never changed then
	namespaces map[string]*namespace
	ranges     int           // that are followed
	services   int           // that are remembered
	events     chan struct{} // closed, and replaced, when those who wait are to look again
}

// follow has a range followed. The caller holds the mutex.
func (s *subscriptions) follow(rng string) *mirror.Range {
	s.ranges++
	return s.replica.Follow(rng)
}

// unfollow ends it. The caller holds the mutex.
func (s *subscriptions) unfollow(f *mirror.Range) {
	s.ranges--
	s.replica.Unfollow(f)
}

// look has those who wait look again. The caller holds the mutex.
func (s *subscriptions) look() {
	close(s.events)
	s.events = make(chan struct{})
}

// happening returns a channel that is closed when there is something to look at.
func (s *subscriptions) happening() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events
}

// observer has who waits for the replica look again when something has happened.
type observer struct {
	replica.Unobserved
	subscriptions *subscriptions
}

// Failed implements mirror.Observer.
func (o observer) Failed(mirror.Reason, error) { o.happened() }

// Listed implements mirror.Observer.
func (o observer) Listed(mirror.Reason, int, time.Duration) { o.happened() }

// Applied implements mirror.Observer.
func (o observer) Applied(int, time.Duration) { o.happened() }

func (o observer) happened() {
	o.subscriptions.mu.Lock()
	defer o.subscriptions.mu.Unlock()
	o.subscriptions.look()
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
