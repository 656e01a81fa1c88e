package writer

import (
	"math/rand/v2"
	"time"
)

// contact is what is known of the way to etcd.
type contact struct {
	away     error     // why etcd is known to give no answer; nil if it is not
	since    time.Time // when away was set
	slow     bool      // a write has taken longer than writeWait
	answered bool      // etcd has answered once
	resume   time.Time // when to write again after an outage
}

// lost notes that etcd gives no answer, and reports whether that is new.
func (c *contact) lost(err error, now time.Time) (fresh bool) {
	if fresh = c.away == nil; fresh {
		c.since = now
	}
	c.away = err
	return fresh
}

// outdated reports whether contact was lost since a time, so that an answer as of then is no
// contact: of requests that are under way at once some are answered, and others not.
func (c *contact) outdated(asOf time.Time) bool { return c.away != nil && !asOf.After(c.since) }

// found notes that etcd has answered, and reports whether it was away, though it
// had answered before.
func (c *contact) found() (back, again bool) {
	back, again = c.away != nil, c.away != nil && c.answered
	c.away, c.slow, c.answered = nil, false, true
	return back, again
}

// hold has nothing written for a random while. It is for the first answer after
// an outage, which can come to all processes at once: an etcd that was stopped
// still has their requests.
func (c *contact) hold(ttl time.Duration, now time.Time) { c.resume = now.Add(rand.N(spread(ttl))) }

// jittered returns a random time between half of d and all of it, so that many
// processes don't do the same thing at the same time.
func jittered(d time.Duration) time.Duration { return d/2 + rand.N(d/2) }

// maxSpread bounds spread, so that contact is noticed soon whatever the TTL.
const maxSpread = 5 * time.Second

// spread is the time over which processes that lost the same etcd come back to
// it, each at a random point. A fifth of the TTL leaves the rest of it for coming
// back.
func spread(ttl time.Duration) time.Duration { return min(ttl/5, maxSpread) }

// Timing of the reconciler.
const (
	// opTimeout bounds one request: as long as an election of etcd takes, with
	// its default time-outs, and a reconnect.
	opTimeout = 3 * time.Second
	// retryBase and retryLimit bound the pause before the next try.
	retryBase  = 100 * time.Millisecond
	retryLimit = 2 * time.Second
	// auditEvery is how often the keys of the lease are looked at, about: for
	// what hangs on it where nothing is followed.
	auditEvery = 5 * time.Minute
)
