package mirror

import (
	"strings"
	"sync/atomic"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
)

// covers reports whether a range has a key.
func covers(rng, key string) bool {
	if isPrefix(rng) {
		return strings.HasPrefix(key, rng)
	}
	return key == rng
}

// isPrefix reports whether a range is a prefix of keys rather than a key.
func isPrefix(rng string) bool { return rng == "" || strings.HasSuffix(rng, "/") }

// enclosing calls fn with every range that can have a key, or all keys of a
// range: each of its prefixes that ends in '/', and itself. It stops where fn
// returns true, and reports whether it did.
func enclosing(key string, fn func(rng string) bool) bool {
	if fn("") {
		return true
	}
	for i := 0; i < len(key); i++ {
		if key[i] == '/' && i+1 < len(key) && fn(key[:i+1]) {
			return true
		}
	}
	return key != "" && fn(key)
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
	m      *Mirror
	name   string
	view   View
	ready  chan struct{} // closed when there is something to answer from
	listed chan struct{} // closed after the first list
	status atomic.Pointer[RangeStatus]
	// watched says that the mirror's contact is the range's.
	watched atomic.Bool

	// Under the registry's mutex:
	users int // calls of Follow less those of Unfollow

	// Of the loop:
	contents *contents // nil until the loop knows the range
	phase    phase
	revision int64  // complete up to; 0: never
	complete int64  // the last revision at which etcd was seen to have the same: that, or a probe's
	resync   bool   // to be listed since etcd's history has changed: that is known, and logged
	reason   Reason // why it is to be listed, or was last
	retryAt  time.Time
	pause    *backoff.Backoff // between tries of this range alone
	refused  bool             // a refusal was logged
	fresh    bool             // listed since it was last watched
	watch    *watch           // nil unless creating or watching
	list     *list            // nil unless listing
}

func newRange(m *Mirror, name string, view View) *Range {
	r := &Range{
		m: m, name: name, view: view, ready: make(chan struct{}), listed: make(chan struct{}), users: 1,
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
		if contact, ok := r.m.contact.last(); ok && contact.After(s.Contact) {
			s.Contact = contact
		}
	}
	if s.State == Live && time.Since(s.Contact) >= FreshFor {
		s.State = Stale
	}
	return s
}

// trusted reports whether the range is complete up to its revision.
func (r *Range) trusted() bool { return r.phase >= mustWatch && r.phase <= watching }

// advance notes what the range is complete up to.
func (r *Range) advance(revision int64) { r.revision, r.complete = revision, revision }

// publish makes a change of the range's state visible.
func (r *Range) publish(change func(*RangeStatus)) {
	s := *r.status.Load()
	change(&s)
	r.status.Store(&s)
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
