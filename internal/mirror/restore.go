package mirror

import (
	"iter"
	"time"
)

// restoreBatch is how many keys of a snapshot are put on the stage at once:
// enough to make the cost of a call small, and little to hold.
const restoreBatch = 8192

// restoreRunning implements Mirror.RestoreRunning.
func (l *loop) restoreRunning(view View, head Head, ranges []RestoredRange, entries iter.Seq[Event]) {
	c := l.views.of(view)
	isListed := func(name string) bool {
		r := c.ranges[name]
		return r != nil && isClosed(r.listed)
	}
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
		if r.phase == listing { // it compares with what was known when it started
			l.lists.drop(r)
			l.lists.add(r)
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
	c := l.views.of(view)
	stage, indexed := view.Stage(), newAppender(c.index)
	batch := make([]Event, 0, restoreBatch)
	for ev := range entries {
		indexed.add(indexKey(ev.Key), entry{})
		if batch = append(batch, ev); len(batch) == restoreBatch {
			stage.Apply(batch)
			batch = make([]Event, 0, restoreBatch)
		}
	}
	indexed.done()
	stage.Apply(batch)
	if len(c.complete) == 0 {
		c.revision = head.Revision
	}
	c.commit(stage, CauseRestore, false)
	l.ranges.restore(view, ranges)
	var contact time.Time
	for _, r := range ranges {
		if r.Contact.After(contact) {
			contact = r.Contact
		}
	}
	for _, r := range c.ranges {
		if r.revision == 0 {
			r.revision = r.status.Load().Revision // of what it was seeded from
		}
	}
	if l.Status().State != Unsynced {
		l.publish(nil)
		return
	}
	l.cluster = head.Cluster
	l.publish(func(s *Status) {
		s.State, s.Revision, s.Contact = Stale, head.Revision, contact
	})
	l.report.state = Stale
	l.cfg.Observer.StateChanged(l.Status())
}
