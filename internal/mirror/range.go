package mirror

import (
	"sync/atomic"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/notify"
)

// phase is what is to be done for a range, or is being done.
type phase uint8

const (
	mustList  phase = iota // its contents are not known, or not trusted
	listing                // a list is under way
	mustWatch              // complete up to its revision: a watch goes on from there
	creating               // a watch was asked for
	watching               // the watch was created
	dropped                // followed no more
)

// Range is a range that a mirror follows. Its methods are safe for concurrent
// use.
type Range struct {
	mirror *contact
	name   string
	view   View
	ready  chan struct{} // closed when there is something to answer from
	listed chan struct{} // closed after the first list
	status atomic.Pointer[RangeStatus]
	// watched says that the mirror's contact is the range's.
	watched atomic.Bool
	changed notify.List // see Notify

	// Under the rangeSet's mutex:
	users int // calls of Follow less those of Unfollow

	// Of the loop:
	phase     phase
	revision  int64  // complete up to; 0: never
	confirmed int64  // the last revision at which etcd was seen to have the same: that, or a probe's
	resync    bool   // to be listed since etcd's history has changed: that is known, and logged
	reason    Reason // why it is to be listed, or was last
	retryAt   time.Time
	pause     *backoff.Backoff // between tries of this range alone
	refused   bool             // a refusal was logged
	// freshUntil is until when a watch needs no audit that goes on from the list; zero
	// if the range was watched since, or a stream has failed.
	freshUntil time.Time
	watch      *watch // nil unless creating or watching
	// later is, by indexKey, the last change to each of its keys that another
	// range's watch has shown since a list began; nil unless one is under way.
	later map[string]Event
}

func newRange(c *contact, name string, view View) *Range {
	r := &Range{
		mirror: c, name: name, view: view, ready: make(chan struct{}), listed: make(chan struct{}), users: 1,
		reason: ReasonStart, pause: backoff.New(retryBase, retryLimit),
	}
	r.status.Store(&RangeStatus{Range: name})
	return r
}

// Ready is closed once there is something to answer from: the range was listed,
// or another that has all its keys was, or comes from a snapshot.
func (r *Range) Ready() <-chan struct{} { return r.ready }

// Listed is closed once the first list is committed.
func (r *Range) Listed() <-chan struct{} { return r.listed }

// Status returns the range's state, without a lock and without allocation.
func (r *Range) Status() RangeStatus {
	s := *r.status.Load()
	if r.watched.Load() {
		if contact, ok := r.mirror.last(); ok && contact.After(s.Contact) {
			s.Contact = contact
		}
	}
	if s.State == Live && time.Since(s.Contact) >= r.mirror.freshFor() {
		s.State = Stale
	}
	return s
}

// Live reports whether the state is Live, as it was told last, for less than Status
// costs: it is asked for with every answer, and doesn't look at the clock.
func (r *Range) Live() bool {
	if r.status.Load().State != Live {
		return false
	}
	return r.watched.Load() && r.mirror.live.Load() || r.Status().State == Live
}

// Notify has wake, which has room for a token, get one whenever the state of the range
// may be another, or why it can't be followed, and once it is followed no more, unless
// it holds one; until stop is called. A range that is Live and not watched becomes
// Stale without, when Expires says.
func (r *Range) Notify(wake chan<- struct{}) (stop func()) { return r.changed.Add(wake) }

// Expires returns when a range that is Live becomes Stale unless it is watched before;
// zero for all others.
func (r *Range) Expires() time.Time {
	if r.watched.Load() {
		return time.Time{}
	}
	s := r.Status()
	if s.State != Live {
		return time.Time{}
	}
	return s.Contact.Add(r.mirror.freshFor())
}

// member names a range of a view.
type member struct {
	view View
	name string
}

func (r *Range) member() member { return member{r.view, r.name} }

// trusted reports whether the range is complete up to its revision.
func (r *Range) trusted() bool { return r.phase >= mustWatch && r.phase <= watching }

// advance notes what the range is complete up to.
func (r *Range) advance(revision int64) { r.revision, r.confirmed = revision, revision }

// unwatch notes that the range has lost its watch: its contact was the mirror's so
// far.
func (r *Range) unwatch() {
	at := r.Status().Contact
	r.watch = nil
	watched := r.watched.Swap(false)
	r.publish(func(s *RangeStatus) { s.Contact = at })
	if watched {
		r.changed.Notify()
	}
}

// publish makes a change of the range's state visible.
func (r *Range) publish(change func(*RangeStatus)) {
	before := r.status.Load()
	s := *before
	change(&s)
	r.status.Store(&s)
	if s.State != before.State || (s.Err == nil) != (before.Err == nil) || etcdclient.Denied(s.Err) != etcdclient.Denied(before.Err) {
		r.changed.Notify()
	}
}

// isClosed reports whether a channel that only ever is closed is closed.
func isClosed(ch <-chan struct{}) bool {
	select {
	case <-ch:
		return true
	default:
		return false
	}
}
