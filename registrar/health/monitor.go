package health

import (
	"context"

	"github.com/rosterdns/roster/catalog"
)

// Monitor follows whether something works.
type Monitor interface {
	// Run calls changed, from the goroutine it was called in, when the status is found
	// out and whenever it changes, until ctx is done. Who calls it a second time at once
	// gets undefined results.
	Run(ctx context.Context, changed func(Result))
}

// Result is what a monitor has found.
type Result struct {
	// Status is catalog.StatusUp or catalog.StatusDown.
	Status catalog.Status
	// Err is why it is down; nil if it is up.
	Err error
}

// Up reports whether it works.
func (r Result) Up() bool { return r.Status == catalog.StatusUp }
