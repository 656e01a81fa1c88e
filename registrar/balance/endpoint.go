package balance

import (
	"io"
	"sync/atomic"
	"time"
)

// endpoint is what is known of an instance by the requests to it. It lives as long as
// the instance has the same ID and address.
type endpoint struct {
	inFlight atomic.Int64
	latency  latency
	health   health
	pool     io.Closer // nil without WithPool
	shared   *shared
}

// shared is what all endpoints of a balancer have in common.
type shared struct {
	start   time.Time
	changes atomic.Uint64 // of the health of endpoints
}

// now returns the time since the balancer's start, which is cheaper to read and to keep
// than the time of day.
func (s *shared) now() time.Duration { return time.Since(s.start) }

// measured reports whether the latency is known.
func (e *endpoint) measured() bool { return e.latency.last() > 0 }

// requests returns the requests in flight, and a further one, for an instance of the
// average weight.
func (e *endpoint) requests(weight float64) float64 {
	return float64(e.inFlight.Load())/weight + 1
}

// load returns what a further request would have to wait for; weight is relative to the
// average one.
func (e *endpoint) load(now time.Duration, weight float64) float64 {
	average := e.latency.last()
	if e.inFlight.Load() == 0 {
		// An instance that was slow is tried again after some time: by one request, which
		// shows whether it is still.
		average = e.latency.decayed(now)
	}
	return e.requests(weight) * max(average, float64(minLatency))
}
