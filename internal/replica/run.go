package replica

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
	"github.com/rosterdns/roster/internal/snapshot"
)

// run mirrors, once the snapshot is read, or the disk had its time.
func (r *Replica) run() {
	timeout := time.NewTimer(r.cfg.SnapshotWait)
	defer timeout.Stop()
	select {
	case <-r.loaded:
	case <-timeout.C:
		r.log.Warn("the disk is slow: starting without the snapshot until it is read", "path", r.cfg.Snapshot)
	case <-r.ctx.Done():
		return
	}
	r.restoring.Lock()
	r.running = true
	r.restoring.Unlock()
	r.mirror.Run(r.ctx)
}

// useDisk reads the snapshot, and writes it from then on. Nobody waits for it
// without bound: a disk can hang.
func (r *Replica) useDisk(read bool, holders []*Replica) {
	defer close(r.released)
	if read {
		r.load()
	}
	close(r.loaded)
	if read && r.ctx.Err() != nil {
		return // what was read may not have been taken over, and is more than there is
	}
	for _, h := range holders {
		if !h.awaitRelease(r.ctx) {
			return // what it would write is that of a configuration that was discarded
		}
	}
	if len(holders) > 0 {
		r.touch() // the file is another's
	}
	r.cfg.disk.write(r.ctx, r.writer)
}

// awaitRelease waits until the replica writes its file no more; false if ctx is done
// before.
func (r *Replica) awaitRelease(ctx context.Context) bool {
	select {
	case <-r.released: // first, since both can be
		return true
	default:
	}
	select {
	case <-r.released:
		return true
	case <-ctx.Done():
		return false
	}
}

// load takes over the snapshot, if there is one to use. Of one of the same prefix
// the serial goes on in any case: it was shown, and never goes back.
func (r *Replica) load() {
	c, err := read(r.cfg.disk, r.cfg.Snapshot, r.root())
	switch {
	case errors.Is(err, fs.ErrNotExist): // the first start
		return
	case err != nil:
		c = nil
	case len(r.cfg.Ranges) == 0:
		r.writer.Loaded(c.header)
		c.dropOld(r.cfg.SnapshotMaxAge)
	default:
		if err = c.checkRanges(r.cfg.Ranges, r.cfg.SnapshotMaxAge); err != nil {
			err = fmt.Errorf("snapshot %q %w", r.cfg.Snapshot, err)
			c = &contents{header: snapshot.Header{Serial: c.header.Serial, Offset: c.header.Offset, Revision: c.header.Revision}}
		} else {
			r.writer.Loaded(c.header)
		}
	}
	if err != nil {
		r.log.Warn("starting without the snapshot", "path", r.cfg.Snapshot, "error", err)
	}
	if c == nil || r.ctx.Err() != nil {
		return
	}
	r.restore(c)
	if len(c.header.Ranges) > 0 {
		gen := r.Load()
		r.log.Info("answering from the snapshot until etcd is in contact", "path", r.cfg.Snapshot,
			"instances", gen.Instances(), "services", gen.Services(), "revision", gen.Revision(), "age", c.oldest())
	}
}

// restore fills the mirror, the store and the guard. Of a mirror that runs, which may
// have a list by now, what that says stays, and the guard is left alone: it can't
// tell any more what has come back.
func (r *Replica) restore(c *contents) {
	r.restoring.Lock()
	defer r.restoring.Unlock()
	h := &c.header
	shown := r.Load().FullSerial()
	switch {
	case len(h.Ranges) == 0:
	case r.running:
		r.mirror.RestoreRunning(r.ctx, r.view, c.head(), c.restored(), slices.Values(c.events))
	default:
		r.mirror.Restore(r.view, c.head(), c.restored(), slices.Values(c.events))
		if r.guard != nil {
			r.guard.Restore(c.expired)
		}
	}
	switch ahead := h.Serial - shown; {
	case shown == 0:
		r.store.RestoreSerial(h.Serial, h.Offset, h.Revision)
	case ahead >= 0 && ahead < math.MaxInt32: // else it would count as a step back
		// What is served under the serial is not just what the file had.
		r.store.RestoreSerial(h.Serial+1, h.Offset, h.Revision)
	}
}

// inherit takes over the contents of the predecessor: etcd can be away, and the
// snapshot is behind them. It reports false where it knows nothing yet.
func (r *Replica) inherit(from *Replica) bool {
	header, entries, ok := from.take()
	if !ok {
		return false
	}
	c := &contents{header: header}
	c.events = slices.Collect(services.Restored(func(yield func(snapshot.Entry, error) bool) {
		for e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	}, &c.expired))
	r.restore(c)
	r.listFirst = from.Status().State == mirror.Live
	gen := r.Load()
	r.log.Info("the configuration of a replica has changed: going on with its contents", "instances", gen.Instances(), "revision", gen.Revision())
	return true
}
