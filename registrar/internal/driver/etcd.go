package driver

import (
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar/internal/reader"
	"github.com/rosterdns/roster/registrar/internal/writer"
)

// Etcd is a driver's way to an etcd.
type Etcd struct {
	Source  mirror.Source
	Backend writer.Backend
	// LastChange, if set, returns the revision of the last change to a key of a
	// range of etcd: GetService waits until it shows that.
	LastChange func(rng string) int64
	// Fault, if set, says what is wrong with etcd without the time that finding out
	// takes.
	Fault reader.Fault
	// Close releases the connection, after all else has ended; nil where there is
	// nothing to release.
	Close func() error
	// LeaveOnClose makes Close of the registry leave what is registered.
	LeaveOnClose bool
}

// lastChange returns LastChange of ranges below the registry's root.
func (e Etcd) lastChange(prefix string) func(rng string) int64 {
	if e.LastChange == nil {
		return nil
	}
	return func(rng string) int64 { return e.LastChange(prefix + "/" + rng) }
}
