package replica

import (
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
)

// Observer is told what happens inside a replica, for metrics. Its methods must
// not block. Unobserved is one to embed.
type Observer interface {
	mirror.Observer
	// Skipped is called for each key that is not served.
	Skipped(services.SkipReason)
	// MassExpired is called when the guard begins to protect instances.
	MassExpired()
	// LastSetServed is called when services begin to be served by their last
	// instances, which are gone: of how many.
	LastSetServed(services int)
	// SnapshotWritten is called after each attempt to write the snapshot: the size
	// of the file in bytes, 0 after an error, and the time that it took.
	SnapshotWritten(size int64, took time.Duration, err error)
}

// Unobserved is an Observer that takes no notice.
type Unobserved struct{ mirror.Unobserved }

var _ Observer = Unobserved{}

// Skipped implements Observer.
func (Unobserved) Skipped(services.SkipReason) {}

// MassExpired implements Observer.
func (Unobserved) MassExpired() {}

// LastSetServed implements Observer.
func (Unobserved) LastSetServed(int) {}

// SnapshotWritten implements Observer.
func (Unobserved) SnapshotWritten(int64, time.Duration, error) {}
