package mirror

import (
	"context"
	"iter"
	"slices"
	"time"
)

// restoreBatch is how many keys of a snapshot are put on the stage at once:
// enough to make the cost of a call small, and little to hold.
const restoreBatch = 1000

// RestoreRunning is Restore while Run is under way, for a snapshot that took long
// to read. What etcd has shown meanwhile stays as it is: a range that was listed,
// alone or in a wider one, is left out, and so are keys that are known already. It
// returns when that is done, or ctx is.
func (m *Mirror) RestoreRunning(ctx context.Context, view View, head Head, ranges []RestoredRange, entries iter.Seq[Event]) {
	done := make(chan struct{})
	m.do(func() {
		defer close(done)
		if ctx.Err() == nil {
			m.loop.restoreRunning(view, head, ranges, entries)
		}
	})
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// restoreRunning implements Mirror.RestoreRunning.
func (l *loop) restoreRunning(view View, head Head, ranges []RestoredRange, entries iter.Seq[Event]) {
	c := l.contentsOf(view)
	isListed := func(name string) bool { return slices.Contains(c.complete, c.ranges[name]) }
	var left []RestoredRange
	for _, r := range ranges {
		if !enclosing(r.Range, isListed) {
			left = append(left, r)
		}
	}
	if len(left) == 0 || otherCluster(l.cluster, head.Cluster) {
		return
	}
	for _, r := range c.ranges {
		if r.list != nil { // it compares with what was known when it started
			r.list.cancel()
			r.list, r.phase = nil, mustList
			l.toList = append(l.toList, r)
		}
	}
	l.restore(view, head, left, func(yield func(Event) bool) {
		for ev := range entries {
			if _, known := c.index.Get(indexKey(ev.Key)); !known && !enclosing(ev.Key, isListed) && !yield(ev) {
				return
			}
		}
	})
}

// restore implements Mirror.Restore.
func (l *loop) restore(view View, head Head, ranges []RestoredRange, entries iter.Seq[Event]) {
	c := l.contentsOf(view)
	stage := view.Stage()
	batch := make([]Event, 0, restoreBatch)
	for ev := range entries {
		c.index.Set(indexKey(ev.Key), entry{})
		if batch = append(batch, ev); len(batch) == restoreBatch {
			stage.Apply(batch)
			batch = make([]Event, 0, restoreBatch)
		}
	}
	stage.Apply(batch)
	if len(c.complete) == 0 {
		c.revision = head.Revision
	}
	c.commit(stage, CauseRestore, "", false)
	var contact time.Time
	for _, r := range ranges {
		l.m.registry.restore(view, RangeStatus{Range: r.Range, State: Stale, Revision: r.Revision, Contact: r.Contact, Cached: true})
		if r.Contact.After(contact) {
			contact = r.Contact
		}
	}
	for _, r := range c.ranges {
		if r.revision == 0 {
			r.revision = r.status.Load().Revision // of what it was seeded from
		}
	}
	if l.m.Status().State != Unsynced {
		l.publish(nil)
		return
	}
	l.cluster = head.Cluster
	l.publish(func(s *Status) {
		s.State, s.Revision, s.Contact = Stale, head.Revision, contact
	})
	l.report.state = Stale
	l.cfg.Observer.StateChanged(l.m.Status())
}
