package health

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/backoff"
)

// The defaults of a Checker: those of common load balancers. A failure is noticed within
// half a minute, and one lost packet changes nothing.
const (
	DefaultInterval = 10 * time.Second
	DefaultTimeout  = 2 * time.Second
	DefaultRise     = 1
	DefaultFall     = 3
)

// firstPause is the pause after the first probe of something that has never worked: it
// is likely to be starting.
const firstPause = 100 * time.Millisecond

// jitter is by what part of the interval a pause is longer or shorter at most, so that
// checks which began together don't stay together.
const jitter = 0.1

// Probe finds out once whether something works.
type Probe interface {
	// Probe returns nil if it works, and else why it doesn't. It ends soon after ctx is
	// done: a checker waits for it before it probes again.
	Probe(ctx context.Context) error
}

// ProbeFunc is a function that is a Probe.
type ProbeFunc func(ctx context.Context) error

// Probe implements Probe.
func (f ProbeFunc) Probe(ctx context.Context) error { return f(ctx) }

// Checker is a Monitor that probes at intervals. Its fields must not change while it runs.
type Checker struct {
	// Probe is required.
	Probe Probe
	// Interval is how long after the end of a probe the next one begins, give or take a
	// tenth; 0 means DefaultInterval. Until the first success, unless Initial is up, the
	// pauses are shorter: they begin with a tenth of a second, and double.
	Interval time.Duration
	// Timeout is how long a probe may take; 0 means DefaultTimeout.
	Timeout time.Duration
	// Rise is how many probes in a row must succeed before the status is up; 0 means
	// DefaultRise.
	Rise int
	// Fall is how many in a row must fail before it is down; 0 means DefaultFall.
	Fall int
	// Initial is the status before the first probe. It is not reported; Register registers
	// the instances with it at once if it is up. Empty means that
	// it isn't known, so that the first one found out is reported, whichever it is.
	Initial catalog.Status
}

// Run implements Monitor.
func (c *Checker) Run(ctx context.Context, changed func(Result)) {
	interval, timeout := orDefault(c.Interval, DefaultInterval), orDefault(c.Timeout, DefaultTimeout)
	t := tally{
		status: c.Initial, rise: orDefault(c.Rise, DefaultRise), fall: orDefault(c.Fall, DefaultFall),
		succeeded: c.Initial == catalog.StatusUp,
	}
	starting := backoff.New(min(firstPause, interval), interval)
	for ctx.Err() == nil {
		err := probe(ctx, c.Probe, timeout)
		if ctx.Err() != nil {
			return // which is what the probe failed for
		}
		if t.add(err == nil) {
			changed(Result{Status: t.status, Err: err})
		}
		pause := time.Duration(float64(interval) * (1 - jitter + 2*jitter*rand.Float64()))
		if !t.succeeded {
			pause = starting.Next()
		}
		if backoff.Sleep(ctx, pause) != nil {
			return
		}
	}
}

func orDefault[T time.Duration | int](value, otherwise T) T {
	if value <= 0 {
		return otherwise
	}
	return value
}

// probe probes once.
func probe(ctx context.Context, p Probe, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := p.Probe(ctx)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("no result within %v: %w", timeout, err)
	}
	return err
}

// tally makes a status of the results of probes.
type tally struct {
	status     catalog.Status
	rise, fall int
	row        int  // how many in a row speak against the status
	passing    bool // what the row consists of
	succeeded  bool // once at least, as far as is known
}

// add adds a result, and reports whether it changes the status.
func (t *tally) add(passed bool) bool {
	t.succeeded = t.succeeded || passed
	found, needed := catalog.StatusDown, t.fall
	if passed {
		found, needed = catalog.StatusUp, t.rise
	}
	if passed != t.passing || found == t.status {
		t.row = 0
	}
	t.passing = passed
	if found == t.status {
		return false
	}
	t.row++
	if t.row < needed {
		return false
	}
	t.status, t.row = found, 0
	return true
}
