package reader

import (
	"context"
	"sync"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
)

// Replica is what a reader needs of a replica.Replica.
type Replica interface {
	Load() *services.Generation
	Store() *services.Store
	Follow(rng string) *mirror.Range
	Unfollow(r *mirror.Range)
	Status() mirror.Status
	LastError() error
}

// namespace is a namespace of which services were asked for.
type namespace struct {
	name     string
	services map[string]*service
	whole    *mirror.Range // nil while services are followed one by one
	// promoting says that the whole is about to be followed; after a refusal not
	// before again, which is a pause later.
	promoting bool
	again     time.Time
	pause     time.Duration
}

// subscriptions is the services that were asked for, and the ranges of the replica
// that they are followed by.
type subscriptions struct {
	open   func() Replica
	closed context.Context
	close  context.CancelFunc
	wg     sync.WaitGroup
	names  names

	events                 *events
	maxRanges, maxServices int

	mu         sync.Mutex
	replica    Replica // nil before the first question; never changed then
	namespaces map[string]*namespace
	ranges     int // that are followed
	services   int // that are remembered
	// room is closed, and replaced, when there are fewer of these.
	room chan struct{}
}

// hasRoom returns a channel that is closed when less is followed than now.
func (s *subscriptions) hasRoom() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.room
}

// freed notes that less is followed. The caller holds the mutex.
func (s *subscriptions) freed() {
	close(s.room)
	s.room = make(chan struct{})
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

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
