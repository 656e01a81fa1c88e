package mirror

import "time"

// State says what the mirror's copy is worth.
type State uint8

const (
	// Unsynced is a mirror that has had neither a list nor a snapshot yet.
	Unsynced State = iota
	// Live is a mirror that heard of etcd within the last FreshFor.
	Live
	// Stale is a mirror that had a list or a snapshot, but has no contact.
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
	// ReasonCompacted is a watch or a list that fell behind a compaction.
	ReasonCompacted Reason = "compacted"
	// ReasonClosed is a watch that the server or the network ended.
	ReasonClosed Reason = "closed"
	// ReasonSilent is a watch on which nothing was heard, not even progress.
	ReasonSilent Reason = "silent"
	// ReasonRegressed is an etcd that went back to an older revision, or that
	// is another cluster.
	ReasonRegressed Reason = "regressed"
	// ReasonDisorder is a watch that showed an old change after a newer one.
	ReasonDisorder Reason = "disorder"
	// ReasonAudit is a copy that was found to differ from etcd.
	ReasonAudit Reason = "audit"
	// ReasonList is a list that failed.
	ReasonList Reason = "list"
	// ReasonAuth is a list or a watch that etcd refused to authorize.
	ReasonAuth Reason = "auth"
	// ReasonLeader is a member that has no leader.
	ReasonLeader Reason = "leader"
	// ReasonCorrupt is a cluster that knows itself to be corrupt and refuses
	// to be read.
	ReasonCorrupt Reason = "corrupt"
)

// Status is a mirror's state at one time. It is a plain value.
type Status struct {
	State State
	// Revision is the committed revision: all listed ranges are complete up to it.
	Revision int64
	// Head is the latest revision of etcd that any answer has shown. What it is
	// ahead of Revision has yet to be served, or is outside the ranges.
	Head int64
	// Cluster is the ID of the cluster that it is of; 0 where it is not known.
	Cluster uint64
	// Contact is when etcd was last heard of by a watch that works, or was seen
	// to have what the copy has. The copy is complete up to Revision then: a
	// watch that catches up is contact, however much it has yet to show.
	Contact time.Time
	// Keys counts the keys mirrored.
	Keys int
	// Err is why there is no contact; nil while there is.
	Err error
}

// RangeStatus is the state of one range at one time. It is a plain value.
type RangeStatus struct {
	// Range is the range below Config.Root.
	Range string
	// State is Live while the range is watched, or was listed, within FreshFor.
	State State
	// Revision is the revision that the range is complete up to; 0 while there is
	// nothing of it.
	Revision int64
	// Contact is when the range was last known to be complete up to Revision.
	Contact time.Time
	// Err is why the range can't be followed; nil while it can.
	Err error
	// Cached says that the range is followed no more: its contents are as they
	// were at Contact.
	Cached bool
}

// RestoredRange is a range of which a snapshot holds all keys.
type RestoredRange struct {
	Range    string
	Revision int64
	// Contact is when the range was last known to be complete up to Revision.
	Contact time.Time
}

// Observer is told what happens inside a mirror, for metrics and logs. Its
// methods are called by the mirror's goroutines and must not block. Unobserved
// is one to embed.
type Observer interface {
	// Listed is called after each complete list.
	Listed(reason Reason, keys int, took time.Duration)
	// Resumed is called when a watch works that went on where one broke off
	// for the reason, or after the first list.
	Resumed(reason Reason)
	// Applied is called after changes that a watch brought are in the View:
	// so long after they arrived.
	Applied(changes int, took time.Duration)
	// Audited is called after each complete audit, which found so many keys
	// that differed.
	Audited(differences int, took time.Duration)
	// AuditFailed is called after each audit that could not be completed, but
	// for those that ended with their watch.
	AuditFailed(err error)
	// Failed is called when contact or a list is lost.
	Failed(reason Reason, err error)
	// StateChanged is called with each change of state, the newest last, but for a
	// mirror that becomes stale since it follows no range.
	StateChanged(Status)
}

// Unobserved is an Observer that takes no notice.
type Unobserved struct{}

var _ Observer = Unobserved{}

// Listed implements Observer.
func (Unobserved) Listed(Reason, int, time.Duration) {}

// Resumed implements Observer.
func (Unobserved) Resumed(Reason) {}

// Applied implements Observer.
func (Unobserved) Applied(int, time.Duration) {}

// Audited implements Observer.
func (Unobserved) Audited(int, time.Duration) {}

// AuditFailed implements Observer.
func (Unobserved) AuditFailed(error) {}

// Failed implements Observer.
func (Unobserved) Failed(Reason, error) {}

// StateChanged implements Observer.
func (Unobserved) StateChanged(Status) {}
