package reader

import (
	"sync/atomic"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
)

// service is a service that was asked for.
type service struct {
	followed atomic.Pointer[mirror.Range] // its own range, or its namespace's
	started  time.Time                    // when it was first asked for
	asked    atomic.Bool                  // since the last sweep
	last     time.Time                    // the sweep that last saw it asked for
	dropped  atomic.Bool                  // by a sweep: its contents are about to go
}

// namespace is a namespace of which services were asked for.
type namespace struct {
	name     string
	services map[string]*service
	whole    *mirror.Range // nil while services are followed one by one
	promote  promotion
}

// promotion is the step from the services of a namespace to its range.
type promotion struct {
	underWay bool
	again    time.Time     // when to try again after a refusal
	pause    time.Duration // that came before it
}
