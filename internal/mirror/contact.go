package mirror

import (
	"math"
	"sync/atomic"
	"time"
)

// FreshFor is how long after the last contact a copy still counts as live: two
// progress requests and their answers, and the time of an election (etcd's
// default election timeout is 1 s). With the other times it keeps "stale" within
// ten seconds of the last contact, and "live" within two of its return.
const FreshFor = 6 * time.Second

// contact is when etcd was last heard of, and how far it was. It is safe for
// concurrent use: what receives notes it on arrival, however long a view takes.
type contact struct {
	start time.Time
	at    atomic.Int64 // nanoseconds since start
	live  atomic.Bool  // the state that was told is Live
	head  atomic.Int64
}

func newContact() *contact {
	c := &contact{start: time.Now()}
	c.at.Store(math.MinInt64)
	return c
}

// note notes contact now.
func (c *contact) note() { raise(&c.at, int64(time.Since(c.start))) }

// see notes a revision of etcd.
func (c *contact) see(revision int64) { raise(&c.head, revision) }

// last returns when there was contact, if ever.
func (c *contact) last() (time.Time, bool) {
	at := c.at.Load()
	return c.start.Add(time.Duration(max(at, 0))), at != math.MinInt64
}

func raise(v *atomic.Int64, to int64) {
	for {
		old := v.Load()
		if old >= to || v.CompareAndSwap(old, to) {
			return
		}
	}
}

// status returns what was published, as contact makes it.
func (c *contact) status(s Status) Status {
	s.Head = max(s.Head, c.head.Load())
	at, ok := c.last()
	if !ok {
		return s
	}
	s.Contact, s.State = at, Stale
	if time.Since(at) < FreshFor {
		s.State = Live
	}
	return s
}
