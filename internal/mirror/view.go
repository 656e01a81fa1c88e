// Package mirror keeps a consistent copy of ranges of etcd keys in memory: it
// lists each range, then watches all of them on one stream. When that breaks it
// resumes the watches and compares the copy with etcd, or lists again where a
// watch can have missed something. What the keys mean is up to a View; the
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
	// Lease is the ID of the lease that the key is attached to; 0 is none.
	Lease int64
	// Deleted says that the key is gone.
	Deleted bool
	// Restored says that a snapshot had the key: Value is as the view has given it to
	// that, and Lease is not known.
	Restored bool
}

// Cause says where the events of a commit come from.
type Cause uint8

const (
	// CauseWatch is changes, or mere progress, that the watch stream brought.
	CauseWatch Cause = iota
	// CauseList is the difference of a list from what was known before.
	CauseList
	// CauseRestore is the contents of a snapshot.
	CauseRestore
	// CauseDrop is a range that is followed no more: its keys leave the view,
	// whatever etcd has.
	CauseDrop
)

// Commit says what the events of a stage are.
type Commit struct {
	Cause Cause
	// Revision is the committed revision of the view: the minimum over its
	// listed ranges; 0 while there is none. It is lower than before only where a
	// range was added or Regressed says so.
	Revision int64
	// Regressed says that etcd's revision moved backward: it was restored from a
	// backup.
	Regressed bool
}

// Stage collects the events of one commit. It is used by one goroutine. A stage
// that is never committed leaves no trace.
type Stage interface {
	// Apply adds events, in the order in which they happened. A key can occur
	// more than once. Events that change nothing can occur.
	Apply(events []Event)
	// Commit makes all events visible at once. It is called at most once.
	Commit(Commit)
}

// View is what a mirror commits changes to: it turns the keys of its ranges into
// the form in which a program reads them, such as services. Several ranges, and
// several goroutines, can have stages of one view open at the same time.
type View interface {
	// Stage returns an empty stage.
	Stage() Stage
}

// Background is a View that is for its changes alone, such as that of a program that
// watches what it writes itself: nobody asks how fresh it is. A mirror all of whose
// views are such asks an idle etcd more seldom how far it is.
type Background interface {
	View
	// Background marks the view.
	Background()
}
