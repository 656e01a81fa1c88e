package balance

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// firstAvoidance is for how long an instance is avoided after a first failure to
	// connect: about as long as a process takes to start again.
	firstAvoidance = time.Second
	// maxAvoidance bounds that after many: an instance that is back is used within this
	// time, while one request in so long is little to lose.
	maxAvoidance = 30 * time.Second
)

// health is what is known of an instance by whether it could be connected to.
type health struct {
	mu       sync.Mutex   // of changes
	failures atomic.Int32 // in succession
	until    atomic.Int64 // avoided until then, in nanoseconds since the balancer's start
}

// avoided reports whether the instance is to be avoided.
func (h *health) avoided(now time.Duration) bool { return h.until.Load() > int64(now) }

// fail notes a failure to connect, and reports whether that changes anything. One of a
// request that was picked before the last failure does not: many fail at once.
func (h *health) fail(now time.Duration, failuresBefore int32) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failures.Load() != failuresBefore {
		return false
	}
	h.failures.Add(1)
	doublings := min(failuresBefore, 5) // beyond them maxAvoidance holds
	h.until.Store(int64(now + min(firstAvoidance<<doublings, maxAvoidance)))
	return true
}

// succeed notes that a request has reached the instance, and reports whether that
// changes anything. One that was picked before the last failure does not: its connection
// can be older than what made the others fail.
func (h *health) succeed(failuresBefore int32) bool {
	if failuresBefore == 0 {
		return false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failures.Load() != failuresBefore {
		return false
	}
	h.failures.Store(0)
	h.until.Store(0)
	return true
}
