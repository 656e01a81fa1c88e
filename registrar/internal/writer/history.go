package writer

import (
	"crypto/sha256"
	"slices"
	"time"
)

// maxUnacknowledged bounds how many values a client remembers of one key whose
// writing etcd has not acknowledged. A client that writes another every
// opTimeout fills it in an outage of a minute and a half.
const maxUnacknowledged = 32

// stragglerLimit is for how long after a write that etcd has not answered its key
// is followed, once the instance is unregistered: etcd itself gives a write up
// after some 7 s, but a member that was stopped has it still when it goes on.
// Not without end, since nothing tells a straggler without a lease from another
// client's write of the same value.
const stragglerLimit = time.Minute

// history is what a client has written to a key, remembered longer than what it
// desires: etcd can still carry out what was sent before.
type history struct {
	acked          bool             // a write was acknowledged once, or given up without an answer
	revision       int64            // of the last write that was acknowledged
	unacknowledged []unacknowledged // the last to be sent comes last
}

// unacknowledged is a value under a lease whose writing etcd has not answered,
// and can carry out at any time, so many times.
type unacknowledged struct {
	sum   [sha256.Size]byte
	lease int64
	times int
	sent  time.Time // last
}

// sentAny reports whether this client has written the key, or can have done so.
func (h *history) sentAny() bool { return h.acked || len(h.unacknowledged) > 0 }

// sending notes that a write is about to be sent.
func (h *history) sending(value []byte, lease int64, now time.Time) {
	u := unacknowledged{sum: sha256.Sum256(value), lease: lease}
	if i := h.index(u.sum, lease); i >= 0 {
		u.times = h.unacknowledged[i].times
		h.unacknowledged = slices.Delete(h.unacknowledged, i, i+1)
	}
	u.times, u.sent = u.times+1, now
	if h.unacknowledged = append(h.unacknowledged, u); len(h.unacknowledged) > maxUnacknowledged {
		h.unacknowledged = slices.Delete(h.unacknowledged, 0, 1)
	}
}

// resolve notes that it is known of one write what has become of it: etcd has
// answered, or the write was seen to have come through.
func (h *history) resolve(value []byte, lease int64) {
	i := h.index(sha256.Sum256(value), lease)
	if i < 0 {
		return
	}
	if h.unacknowledged[i].times--; h.unacknowledged[i].times == 0 {
		h.unacknowledged = slices.Delete(h.unacknowledged, i, i+1)
	}
}

// sent reports whether a write of the value was sent and not answered.
func (h *history) sent(value []byte, lease int64) bool {
	return len(h.unacknowledged) > 0 && h.index(sha256.Sum256(value), lease) >= 0
}

// giveUp waits no longer for answers.
func (h *history) giveUp() { h.acked, h.unacknowledged = h.sentAny(), nil }

func (h *history) index(sum [sha256.Size]byte, lease int64) int {
	return slices.IndexFunc(h.unacknowledged, func(u unacknowledged) bool { return u.sum == sum && u.lease == lease })
}

// straggles reports whether etcd can still carry out a write that it has not
// answered. A lease that has expired lets none of its writes through.
func (h *history) straggles(now time.Time, expired func(lease int64) bool) bool {
	return slices.ContainsFunc(h.unacknowledged, func(u unacknowledged) bool {
		return now.Before(u.sent.Add(stragglerLimit)) && (u.lease == 0 || !expired(u.lease))
	})
}

// wrote reports whether a key that is seen in etcd is as this client wrote it,
// which own says by its lease. Nothing but the revision, and the value of a write
// that was not acknowledged, tells those without a lease apart.
func (h *history) wrote(o observed, own func(lease int64) bool) bool {
	if o.lease != 0 {
		return own(o.lease)
	}
	return h.revision != 0 && h.revision == o.revision || h.sent(o.value, 0)
}

// leases is the leases that a client has had.
type leases struct {
	current int64          // 0 while there is none
	alive   map[int64]bool // of each, whether it can still be
}

func newLeases() leases { return leases{alive: map[int64]bool{}} }

// own reports whether a lease is, or was, this client's.
func (l *leases) own(id int64) bool {
	_, own := l.alive[id]
	return own
}

// expired reports whether a lease of this client's is known to be gone.
func (l *leases) expired(id int64) bool { return l.own(id) && !l.alive[id] }

// grant notes a new lease.
func (l *leases) grant(id int64) { l.current, l.alive[id] = id, true }

// lose gives the current lease up, which can live on unless it has expired.
func (l *leases) lose(expired bool) {
	l.alive[l.current] = !expired
	l.current = 0
}
