package replica

import (
	"context"
	"sync"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
)

// settings is the part of Config that a registry and its snapshot depend on.
type settings struct {
	root   string        // what keys start with that are in the mirror
	ranges []string      // of Config
	path   string        // of the snapshot; empty for none
	maxAge time.Duration // of what is answered from without etcd
}

// registry is what a replica has in memory: the store, and what fills it. It is
// safe for concurrent use.
type registry struct {
	settings
	store  *services.Store
	guard  *services.Guard // the view of what is followed into the store
	mirror *mirror.Mirror

	restoring sync.Mutex
	running   bool // the mirror; under restoring

	mu sync.Mutex
	// presentation is that of Config, or what SetPresentation was given last. It changes
	// under restoring, too.
	presentation string
	stored       map[*mirror.Range]int // those that are followed into the store, by the calls of follow
}

// run mirrors until ctx is done.
func (g *registry) run(ctx context.Context) {
	g.restoring.Lock()
	g.running = true
	g.restoring.Unlock()
	g.mirror.Run(ctx)
}

// restore fills the mirror, the store and the guard. Of a mirror that runs, which may
// have a list by now, what that says stays, and the guard is left alone: it can't
// tell any more what has come back. It reports false where ctx was done before.
func (g *registry) restore(ctx context.Context, c *contents) bool {
	g.restoring.Lock()
	defer g.restoring.Unlock()
	h := &c.header
	serial := h.Serial
	if anotherPresentation(h.Presentation, g.presentation) {
		serial++
	}
	g.store.RestoreSerial(serial, h.Offset, h.Revision)
	if len(h.Ranges) == 0 {
		return true
	}
	if g.running {
		return g.mirror.RestoreRunning(ctx, g.guard, c.head(), c.restored(), c.take())
	}
	g.mirror.Restore(g.guard, c.head(), c.restored(), c.take())
	g.guard.Restore(c.marks)
	return true
}
