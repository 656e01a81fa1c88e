package reader

import (
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

// service is a service that was asked for. One without a name stands for the names of
// the services of its namespace, and without a namespace for those of all.
type service struct {
	name     catalog.ServiceName
	redirect atomic.Pointer[redirect]     // nil until its policy has had one
	followed atomic.Pointer[mirror.Range] // its own range, or its namespace's
	started  time.Time                    // when it was first asked for
	asked    atomic.Bool                  // since the last sweep
	last     time.Time                    // the sweep that last saw it asked for
	dropped  atomic.Bool                  // by a sweep: its contents are about to go
	names    []string                     // by which it was asked for, that are remembered
	watches  int                          // that hold it; under the mutex of subscriptions
}

// ask notes that the service is asked for.
func (svc *service) ask() { note(&svc.asked) }

// note sets a flag, which is set already almost always: loading it costs less where many
// goroutines do.
func note(flag *atomic.Bool) {
	if !flag.Load() {
		flag.Store(true)
	}
}

// explain tells of an error of a service that was not asked for.
func (svc *service) explain(err error) error {
	return fmt.Errorf("%s, which answers by the policy: %w", svc.name, err)
}

// redirect is the services that can answer for another one by its policy, in the
// order in which they do. They are followed as if they had been asked for.
type redirect struct {
	policy *catalog.Policy
	others []*service
}

// dropped reports whether a sweep has dropped one of them.
func (d *redirect) dropped() bool {
	return d != nil && slices.ContainsFunc(d.others, func(o *service) bool { return o.dropped.Load() })
}
