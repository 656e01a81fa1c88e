package mirror

import (
	"log/slog"
	"sync/atomic"
)

// Config says what a mirror copies of what.
type Config struct {
	// Source is the etcd to read.
	Source Source
	// Root is the registry's prefix with a '/' at its end. Views see keys without it.
	Root string
	// Observer is told of events; nil is Unobserved.
	Observer Observer
	// Log gets a line when contact is lost and when it is back, and says itself which
	// registry that is; nil discards.
	Log *slog.Logger
}

// core is what a mirror has in common with its loop. It is safe for concurrent
// use.
type core struct {
	cfg     Config
	contact *contact
	ranges  *rangeSet
	status  atomic.Pointer[Status] // but for what contact knows
}

func newCore(cfg Config) *core {
	if cfg.Observer == nil {
		cfg.Observer = Unobserved{}
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	c := &core{cfg: cfg, contact: newContact(), ranges: newRangeSet()}
	c.status.Store(&Status{State: Unsynced})
	return c
}

// Status returns the mirror's state, without a lock and without allocation.
func (c *core) Status() Status { return c.contact.status(*c.status.Load()) }
