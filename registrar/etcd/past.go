package etcd

import (
	"context"
	"crypto/sha256"
	"slices"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/catalog"
)

// maxDoubts bounds how many values a client remembers of one key whose writing
// etcd has not answered. A client that writes another every opTimeout fills it
// in an outage of a minute and a half.
const maxDoubts = 32

// maxPasts bounds the keys without a wish whose past is remembered, at some two
// hundred bytes each. One that is forgotten counts as never written, which
// matters only to who unregisters an ID a second time.
const maxPasts = 10_000

// past is what a client has done to a key, kept longer than its wish: that is
// forgotten with Unregister, but etcd can still carry out what was sent before.
// The session's mutex guards it.
type past struct {
	acked  bool    // a write was acknowledged once
	doubts []doubt // oldest first
	leased int     // writes under a lease that were not answered

	name    catalog.Key        // of the key, once it is acked or guarded
	unguard context.CancelFunc // ends the guard; nil if there was none
	gone    time.Time          // when the key was last seen to be no longer this client's
}

// doubt is a value under no lease, whose writing etcd has not answered, and can
// carry out at any time. Nothing but the value tells it from another client's.
type doubt struct {
	sum  [sha256.Size]byte
	more bool // an earlier try of the same value is in doubt too
}

// history returns the client's past with a key. The caller holds the mutex.
func (s *session) history(key string) *past {
	p := s.pasts[key]
	if p == nil {
		p = &past{}
		s.pasts[key] = p
	}
	return p
}

// sent reports whether this client has written the key, or can have done so: a
// write was acknowledged, or sent and not answered. Whoever has it then is told
// by the lease. The caller holds the mutex.
func (s *session) sent(key string) bool {
	p := s.pasts[key]
	return p != nil && (p.acked || p.inDoubt())
}

// inDoubt reports whether etcd can still carry out a write.
func (p *past) inDoubt() bool { return len(p.doubts)+p.leased > 0 }

// bury notes that a key was seen to be no longer this client's, and forgets pasts
// that are of no more use. The caller holds the mutex.
func (s *session) bury(key string) {
	p, now := s.pasts[key], time.Now()
	switch {
	case p == nil:
		return
	case !p.acked && !p.inDoubt():
		delete(s.pasts, key)
		return
	}
	p.gone = now
	// Each wish has one past at most. Pruning looks at all of them, so that it
	// isn't done for each key where many go at once.
	excess := len(s.pasts) - len(s.wishes) - maxPasts
	if excess <= 0 || now.Before(s.pruneAt) {
		return
	}
	s.pruneAt = now.Add(lateLimit)
	var old []string
	for key, p := range s.pasts {
		if s.wishes[key] == nil && now.Sub(p.gone) > lateLimit {
			old = append(old, key)
		}
	}
	slices.SortFunc(old, func(a, b string) int { return s.pasts[a].gone.Compare(s.pasts[b].gone) })
	for _, key := range old[:min(excess, len(old))] {
		delete(s.pasts, key)
	}
}

// doubted reports whether the value can come from a write of this client that
// was not answered. The caller holds the mutex.
func (s *session) doubted(key string, value []byte) bool {
	p := s.pasts[key]
	return p != nil && len(p.doubts) > 0 && p.index(sha256.Sum256(value)) >= 0
}

func (p *past) index(sum [sha256.Size]byte) int {
	return slices.IndexFunc(p.doubts, func(d doubt) bool { return d.sum == sum })
}

// leaseless reports whether the job writes a value that hangs on no lease.
func (j *job) leaseless() bool { return j.edit.action == actionPut && j.edit.lease == 0 }

// sending notes that jobs are about to be sent.
func (s *session) sending(jobs []*job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, j := range jobs {
		if j.edit.action != actionPut {
			continue
		}
		p, sum := s.history(j.edit.key), sha256.Sum256(j.edit.value)
		if !j.leaseless() {
			p.leased++
			continue
		}
		d := doubt{sum: sum}
		if i := p.index(sum); i >= 0 {
			d.more = true
			p.doubts = slices.Delete(p.doubts, i, i+1)
		}
		if p.doubts = append(p.doubts, d); len(p.doubts) > maxDoubts {
			p.doubts = slices.Delete(p.doubts, 0, 1)
		}
	}
}

// answered notes what has become of jobs that were sent: all is known of them
// now. It comes with what the answer says, under the same mutex, which the
// caller holds: a watch that shows the value in between must find it doubted.
func (s *session) answered(jobs ...*job) {
	for _, j := range jobs {
		switch {
		case j.edit.action != actionPut:
		case j.leaseless():
			s.history(j.edit.key).settle(j.edit.value)
		default:
			s.history(j.edit.key).leased--
		}
	}
}

// refused is answered for jobs of which etcd has carried out none.
func (s *session) refused(jobs []*job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answered(jobs...)
}

// mine reports whether a key under the lease, with the value, is this client's.
// The caller holds the mutex.
func (s *session) mine(w *wish, lease clientv3.LeaseID, value []byte) bool {
	if lease == 0 {
		return w.wasStatic || s.doubted(w.key, value)
	}
	return s.own[lease]
}
