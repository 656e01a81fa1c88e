package mirror

import (
	"iter"
	"time"
)

// restoreBatch is how many keys of a snapshot are applied at once: enough to
// make the cost of a batch small, and little to hold.
const restoreBatch = 1000

// Restore fills a mirror and its View with what a snapshot holds of its range,
// as a list does, so that there is something to answer while etcd is away. The
// state is Stale, since contact, the time at which the copy was last known to
// be right. The first list takes every key for changed and removes what is
// gone; a View that compares sees no change where there is none.
//
// It is called before Run, with keys that are each below Prefix and come once.
func (m *Mirror) Restore(head Head, contact time.Time, keys iter.Seq[Event]) {
	var batch []Event
	for ev := range keys {
		m.index[indexKey(ev.Key)] = entry{}
		if batch = append(batch, ev); len(batch) == restoreBatch {
			m.cfg.View.Apply(Batch{Events: batch})
			batch = nil
		}
	}
	m.cfg.View.Apply(Batch{Events: batch, Revision: head.Revision})
	m.mu.Lock()
	defer m.mu.Unlock()
	now := Status{State: Stale, Revision: head.Revision, Cluster: head.Cluster, Contact: contact, Keys: len(m.index)}
	m.status.Store(&now)
	close(m.synced)
	m.cfg.Observer.StateChanged(now)
}
