package reader

import (
	"context"
	"sync"

	"github.com/rosterdns/roster/internal/mirror"
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

	events                 *events
	maxRanges, maxServices int

	mu         sync.Mutex
	replica    Replica // nil before the first question; never changed then
	namespaces map[string]*namespace
	ranges     int // that are followed
	services   int // that are remembered
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
