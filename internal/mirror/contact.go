package mirror

import (
	"math"
	"sync/atomic"
	"time"
)

// FreshFor is how long after the last contact a copy still counts as live: two
// progress requests and their answers, and the time of an election (etcd's
// default election timeout is 1 s). With the other times it keeps "stale" within
// ten seconds of the last contact, and "live" within two of its return. While all
// views are Background, the first of these requests is made later by as much as they
// are asked for more seldom, and the copy counts as live for so much longer.
const FreshFor = 6 * time.Second

// contact is when etcd was last heard of, and how far it was. It is safe for
// concurrent use: what receives notes it on arrival, however long a view takes.
type contact struct {
	start time.Time
	at    atomic.Int64 // nanoseconds since start
	live  atomic.Bool  // the state that was told is Live
	slow  atomic.Int64 // nanoseconds: see slack
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

// setEvery sets how often etcd is asked for progress where it answers.
func (c *contact) setEvery(every time.Duration) { c.slow.Store(int64(every - progressEvery)) }

// every returns that.
func (c *contact) every() time.Duration { return progressEvery + c.slack() }

// slack returns how much longer than progressEvery that is.
func (c *contact) slack() time.Duration { return time.Duration(c.slow.Load()) }

// freshFor returns how long after the last contact the copy counts as live.
func (c *contact) freshFor() time.Duration { return FreshFor + c.slack() }

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
	if time.Since(at) < c.freshFor() {
		s.State = Live
	}
	return s
}
