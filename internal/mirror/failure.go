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
	errDisorder  = errors.New("the watch showed an old change after a newer one")
	errOutside   = errors.New("the watch showed a key of another range")
	errRegressed = errors.New("etcd's revision moved backward, or it is another cluster")
	errPage      = errors.New("no page arrived in time")
	errDiffers   = errors.New("the copy differed from etcd though no gap was reported")
)

// failure is why a range, or all, have to go on from anew: by another watch, or
// by a list where distrusts says so.
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

// distrusts reports whether a watch can't be resumed: what happened since, or
// before, only a list shows.
func (f failure) distrusts() bool {
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
	case f.distrusts():
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

// spread is what the pause before the next try is longer by, at random. Audits
// are apart already, and have taken their time.
func (f failure) spread() time.Duration {
	if f.distrusts() && f.reason != ReasonAudit {
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
