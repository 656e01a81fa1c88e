package balance

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// averagedOver is the time in which the weight of a sample falls to 1/e: long enough
	// to average over some requests, short enough to forget a hiccup. It is Finagle's.
	averagedOver = 10 * time.Second
	// minLatency is the least that counts. Differences below it are those of schedulers
	// and switches; there the requests in flight decide alone.
	minLatency = time.Millisecond
	// failureLatency is what a failure counts at least, so that an instance which fails
	// fast does not look like one that works fast.
	failureLatency = time.Second
)

// latency is the average latency of requests to an instance.
type latency struct {
	mu      sync.Mutex    // of observe
	average atomic.Uint64 // bits of a float64, in nanoseconds; 0 before the first sample
	at      atomic.Int64  // of the last sample, in nanoseconds since the balancer's start
}

// last returns the average as of the last sample; 0 where there was none.
func (l *latency) last() float64 { return math.Float64frombits(l.average.Load()) }

// decayed returns the average as if requests had been answered at once since then.
func (l *latency) decayed(now time.Duration) float64 { return l.last() * l.decay(now) }

func (l *latency) decay(now time.Duration) float64 {
	return math.Exp(-float64(max(now-time.Duration(l.at.Load()), 0)) / float64(averagedOver))
}

// observe adds a sample. One that says only that the latency is at least so high can't
// lower the average.
func (l *latency) observe(sample, now time.Duration, atLeast bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	decay, average, s := l.decay(now), l.last(), max(float64(sample), 1)
	switch {
	case atLeast && (s < average || s < float64(minLatency)):
		return // in so short a time no instance could have answered
	case s >= average:
		average = s
	default:
		average = average*decay + s*(1-decay)
	}
	l.average.Store(math.Float64bits(average))
	l.at.Store(int64(now))
}
