package replica

import (
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// run mirrors, once the snapshot is read, or the disk had its time.
func (r *Replica) run() {
	timeout := time.NewTimer(r.cfg.SnapshotWait)
	defer timeout.Stop()
	select {
	case <-r.disk.loaded:
	case <-timeout.C:
		r.log.Warn("the disk is slow: starting before the snapshot is read", "path", r.cfg.Snapshot)
	case <-r.ctx.Done():
		return
	}
	r.registry.run(r.ctx)
}

// inherit takes over the contents of the predecessor: etcd can be away, and the
// snapshot is behind them. It reports false where it knows nothing yet.
func (r *Replica) inherit(from *Replica) bool {
	header, entries, ok := from.registry.take()
	if !ok {
		return false
	}
	c := &contents{header: header}
	c.collect(func(yield func(snapshot.Entry, error) bool) {
		for e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	})
	r.registry.restore(r.ctx, c)
	r.listFirst = from.Status().State == mirror.Live
	gen := r.Load()
	r.log.Info("replica reconfigured: keeping its contents", "instances", gen.Instances(), "revision", gen.Revision())
	return true
}
