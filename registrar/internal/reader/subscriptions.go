package reader

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rosterdns/roster/catalog"
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

// service is a service that was asked for.
type service struct {
	name     catalog.ServiceName
	redirect atomic.Pointer[redirect]     // nil until its policy has had one
	followed atomic.Pointer[mirror.Range] // its own range, or its namespace's
	started  time.Time                    // when it was first asked for
	asked    atomic.Bool                  // since the last sweep
	last     time.Time                    // the sweep that last saw it asked for
	dropped  atomic.Bool                  // by a sweep: its contents are about to go
	names    []string                     // by which it was asked for
}

// ask notes that the service is asked for.
func (svc *service) ask() {
	if !svc.asked.Load() {
		svc.asked.Store(true)
	}
}

// namespace is a namespace of which services were asked for.
type namespace struct {
	name     string
	services map[string]*service
	whole    *mirror.Range // nil while services are followed one by one
	// promoting says that the whole is about to be followed; after a refusal not
	// before again.
	promoting bool
	again     time.Time
}

// subscriptions is the services that were asked for, and the ranges of the replica
// that they are followed by.
type subscriptions struct {
	open   func() Replica
	closed context.Context
	close  context.CancelFunc
	wg     sync.WaitGroup
	// names has the *subject of each name that was asked for, as the user wrote
	// it. It changes under the mutex.
	names sync.Map

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
