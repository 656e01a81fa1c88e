package mirror

import "time"

// State says what the mirror's copy is worth.
type State uint8

const (
	// Unsynced is a mirror that has not had its first list yet.
	Unsynced State = iota
	// Live is a mirror that heard of etcd within the last FreshFor.
	Live
	// Stale is a mirror that had a list once but has lost contact since.
	Stale
)

// String returns the state in lower case, as metrics and messages show it.
func (s State) String() string {
	return [...]string{"unsynced", "live", "stale"}[s]
}

// Reason says why a mirror listed, or failed to list, again.
type Reason string

// The reasons, as metrics show them.
const (
	// ReasonStart is the first list.
	ReasonStart Reason = "start"
	// ReasonCompacted is a watch that fell behind a compaction.
	ReasonCompacted Reason = "compacted"
	// ReasonClosed is a watch that the server or the network ended.
	ReasonClosed Reason = "closed"
	// ReasonSilent is a watch on which nothing was heard, not even progress.
	ReasonSilent Reason = "silent"
	// ReasonRegressed is a revision that moved backward.
	ReasonRegressed Reason = "regressed"
	// ReasonList is a list that failed.
	ReasonList Reason = "list"
	// ReasonAuth is a list or a watch that etcd refused to authorize.
	ReasonAuth Reason = "auth"
)

// Status is a mirror's state at one time. It is a plain value.
type Status struct {
	State State
	// Revision is the revision that the copy is complete up to.
	Revision int64
	// Contact is when etcd was last heard of with the copy complete.
	Contact time.Time
	// Keys counts the keys mirrored.
	Keys int
	// Err is why there is no contact; nil while there is.
	Err error
}

// Observer is told what happens inside a mirror, for metrics and logs. Its
// methods are called by the mirror's goroutines and must not block.
type Observer interface {
	// Listed is called after each complete list.
	Listed(reason Reason, keys int, took time.Duration)
	// Failed is called when contact or a list is lost.
	Failed(reason Reason, err error)
	// StateChanged is called with each change of state, the newest last.
	StateChanged(Status)
}
