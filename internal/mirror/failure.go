package mirror

import (
	"errors"
	"math/rand/v2"
	"time"

	"github.com/rosterdns/roster/internal/etcdclient"
)

// Pauses before another try.
const (
	retryBase  = 100 * time.Millisecond
	retryLimit = 2 * time.Second
	// listSpread is by how much more, at random, a list waits that follows what
	// can have happened to many mirrors at once, such as a compaction or a
	// restore: a thousand lists at the same time would be the next outage.
	listSpread = time.Second
)

var (
	errSilent    = errors.New("the watch fell silent")
	errClosed    = errors.New("the watch was closed")
	errDisorder  = errors.New("the watch delivered an older change after a newer one")
	errOutside   = errors.New("the watch delivered a key outside its range")
	errRegressed = errors.New("etcd's revision moved backward, or it is another cluster")
	errPage      = errors.New("no page arrived in time")
	errDiffers   = errors.New("the replica differed from etcd although the watch reported no gap")
)

// failure is why a range, or all of them, need another watch, or a list where
// needsList says so.
type failure struct {
	reason Reason
	err    error // nil is no failure
}

func failed(err error, otherwise Reason) failure {
	reason := otherwise
	switch etcdclient.KindOf(err) {
	case etcdclient.Compacted:
		reason = ReasonCompacted
	case etcdclient.Forbidden, etcdclient.Unauthenticated, etcdclient.StaleToken:
		reason = ReasonAuth
	case etcdclient.NoLeader:
		reason = ReasonLeader
	case etcdclient.Corrupt:
		reason = ReasonCorrupt
	case etcdclient.NoAnswer, etcdclient.FutureRevision, etcdclient.MemberRefuses, etcdclient.Refused:
	}
	return failure{reason, err}
}

// needsList reports whether a watch can't be resumed: it would not show all that
// has happened.
func (f failure) needsList() bool {
	switch f.reason {
	case ReasonCompacted, ReasonSilent, ReasonRegressed, ReasonDisorder, ReasonAudit:
		return true
	}
	return false
}

// ofRange reports whether a failure of a range's list or watch is about that
// range alone: the others go on.
func (f failure) ofRange() bool {
	switch etcdclient.KindOf(f.err) {
	case etcdclient.Compacted, etcdclient.Forbidden:
		return true
	}
	return f.reason == ReasonAudit
}

// resumable reports whether the ranges of a stream that has ended can be watched
// on another one without a list. A stream that never worked tells nothing of
// what happens meanwhile, as lists do; unless it was refused by a member that
// serves none, or for a token that has run out, where another attempt works.
func (f failure) resumable(worked bool) bool {
	switch {
	case f.needsList():
		return false
	case worked:
		return true
	}
	switch etcdclient.KindOf(f.err) {
	case etcdclient.MemberRefuses, etcdclient.StaleToken:
		return true
	}
	return false
}

// spread returns a random addition to the pause before the next attempt. Audits
// need none: they don't happen at the same time everywhere.
func (f failure) spread() time.Duration {
	if f.needsList() && f.reason != ReasonAudit {
		return rand.N(listSpread)
	}
	return 0
}

// otherCluster reports whether two known IDs are of two clusters.
func otherCluster(a, b uint64) bool { return a != 0 && b != 0 && a != b }

// earliest returns the earlier of two times, where zero is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// due reports whether a time has come, where zero is never.
func due(at, now time.Time) bool { return !at.IsZero() && !now.Before(at) }
