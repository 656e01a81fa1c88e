// Package mirror keeps a consistent copy of the keys below an etcd prefix in
// memory: it lists them once, follows them by watch, and lists and compares
// again whenever the watch breaks. What the keys mean is up to a View; the
// package knows neither services nor DNS.
package mirror

// Event is a change to one key.
type Event struct {
	// Key is the key below Config.Root, as in "default/orders/a".
	Key string
	// Value is the key's value; it is nil if Deleted. It is valid only until
	// Apply returns.
	Value []byte
	// ModRevision is the revision of the change; of a deletion that a list
	// showed, the revision of the list.
	ModRevision int64
	// Lease is the ID of the lease that the key hangs on; 0 is none.
	Lease int64
	// Deleted says that the key is gone.
	Deleted bool
}

// Batch is what becomes visible at once.
type Batch struct {
	// Events are in the order in which they happened. A key can occur more
	// than once.
	Events []Event
	// Revision is the revision that the mirror's range is complete up to after
	// this batch; 0 while a list is under way, between whose batches readers
	// see the old and the new state mixed. It is lower than before only where
	// Regressed says so, or where several mirrors feed one View, whose watches
	// are not in step.
	Revision int64
	// Regressed says that Revision is lower than this mirror's last one, since
	// etcd's moved backward: it was restored from a backup.
	Regressed bool
}

// View is the form in which the mirrored keys are read.
type View interface {
	// Apply takes over a batch. It is called by one goroutine per mirror, so
	// views that several mirrors share lock. It must be idempotent: events
	// that change nothing can occur.
	Apply(Batch)
}
