package harness

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const (
	// MinRate is how many queries a second a fault has to be survived under.
	MinRate = 200
	// trafficRate is what is sent, so that a machine that is busy for a moment
	// doesn't take the average below MinRate.
	trafficRate = 240
	// trafficWorkers is how many queries can be under way at once. Every fourth
	// worker asks by TCP.
	trafficWorkers = 12
)

// Traffic is a steady stream of queries, each answer of which is compared with
// what is expected. Its methods are safe for concurrent use.
type Traffic struct {
	addrs    []string
	expected atomic.Pointer[[]Expectation]
	cancel   context.CancelFunc
	workers  sync.WaitGroup
	start    time.Time
	again    atomic.Int64

	mu     sync.Mutex
	report TrafficReport
	took   []time.Duration
	last   time.Time // of the last right answer
}

// StartTraffic asks the server at addrs in turn until Stop or the end of the test.
func StartTraffic(t testing.TB, addrs []string, expected []Expectation) *Traffic {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	now := time.Now()
	tr := &Traffic{addrs: addrs, cancel: cancel, start: now, last: now}
	tr.Expect(expected)
	for i := range trafficWorkers {
		tr.workers.Go(func() { tr.run(ctx, i) })
	}
	t.Cleanup(func() { tr.Stop() })
	return tr
}

// Expect changes what is asked and expected, of which there must be something.
// An answer to a query that is under way may be of either set.
func (tr *Traffic) Expect(expected []Expectation) {
	expected = slices.Clone(expected)
	tr.expected.Store(&expected)
}

// run sends every query whose number is worker's modulo trafficWorkers, each at
// its own time, so that one that hangs delays none of the others'.
func (tr *Traffic) run(ctx context.Context, worker int) {
	for n := worker; ; n += trafficWorkers {
		due := tr.start.Add(time.Duration(n) * time.Second / trafficRate)
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(due)):
		}
		expected := *tr.expected.Load()
		e := expected[n%len(expected)]
		e.TCP = worker%4 == 3
		addr := tr.addrs[n/trafficWorkers%len(tr.addrs)]
		tr.ask(context.WithoutCancel(ctx), addr, e) // the last ones are finished
	}
}

func (tr *Traffic) ask(ctx context.Context, addr string, e Expectation) {
	start := time.Now()
	m, err := Ask(ctx, addr, e.Question)
	if err != nil && e.TCP {
		// A server may close a connection at any time, and a client then asks
		// again (RFC 7766, 6.2.4).
		tr.again.Add(1)
		m, err = Ask(ctx, addr, e.Question)
	}
	end := time.Now()
	switch {
	case err != nil:
		tr.count(start, end, &tr.report.Unanswered, fmt.Sprintf("%s: %v", e.Question, err))
	case m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError:
		tr.count(start, end, &tr.report.Failed, fmt.Sprintf("%s: answered %s", e.Question, Render(m)))
	case e.differs(m) && tr.current(e.Question).differs(m):
		tr.count(start, end, &tr.report.Changed, fmt.Sprintf("%s: answered %s, want %q", e.Question, Render(m), e.Want))
	default:
		tr.count(start, end, nil, "")
	}
}

// current is what is expected of a question by now: anything where it isn't
// asked any more.
func (tr *Traffic) current(q Question) Expectation {
	for _, e := range *tr.expected.Load() {
		e.TCP = q.TCP
		if e.Question == q {
			return e
		}
	}
	return Expectation{}
}

// keptFaults is how many faulty answers of a kind a report shows.
const keptFaults = 8

func (tr *Traffic) count(start, end time.Time, fault *int, what string) {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	tr.report.Queries++
	tr.took = append(tr.took, end.Sub(start))
	if fault != nil {
		*fault++
		if *fault <= keptFaults {
			tr.report.Faults = append(tr.report.Faults, fmt.Sprintf("after %v: %s", start.Sub(tr.start).Round(time.Millisecond), what))
		}
		return
	}
	tr.report.LongestGap = max(tr.report.LongestGap, end.Sub(tr.last))
	tr.last = end
}

// Elapsed is the time since the start, as reports count it.
func (tr *Traffic) Elapsed() time.Duration { return time.Since(tr.start) }

// Stop ends the stream and reports what it saw. A second call returns the same.
func (tr *Traffic) Stop() TrafficReport {
	tr.cancel()
	tr.workers.Wait()
	tr.mu.Lock()
	defer tr.mu.Unlock()
	r := &tr.report
	if r.Took > 0 || len(tr.took) == 0 {
		return *r
	}
	r.Took = time.Since(tr.start)
	r.Again = int(tr.again.Load())
	r.LongestGap = max(r.LongestGap, time.Since(tr.last))
	slices.Sort(tr.took)
	r.P50, r.P99, r.Max = tr.took[len(tr.took)/2], tr.took[len(tr.took)*99/100], tr.took[len(tr.took)-1]
	return *r
}

// TrafficReport is what a Traffic saw.
type TrafficReport struct {
	// Queries counts all queries: the right answers are those neither Unanswered,
	// nor Failed, which is SERVFAIL or REFUSED, nor Changed, which is another than
	// expected.
	Queries, Unanswered, Failed, Changed int
	// Again counts those that were asked twice, since their connection was closed.
	Again int
	// Took is how long the stream went on.
	Took time.Duration
	// LongestGap is the longest time between two right answers.
	LongestGap time.Duration
	// P50, P99 and Max are of the time that an answer took.
	P50, P99, Max time.Duration
	// Faults are the first few of each kind, with their times since the start.
	Faults []string
}

// Rate is the number of queries a second.
func (r TrafficReport) Rate() float64 { return float64(r.Queries) / r.Took.Seconds() }

// String is the report on one line.
func (r TrafficReport) String() string {
	return fmt.Sprintf("%d queries in %.1fs (%.0f/s): %d failed, %d changed, %d asked twice; longest gap %v; p50 %v, p99 %v, max %v",
		r.Queries, r.Took.Seconds(), r.Rate(), r.Failed+r.Unanswered, r.Changed, r.Again, r.LongestGap.Round(time.Millisecond),
		r.P50.Round(time.Microsecond), r.P99.Round(time.Microsecond), r.Max.Round(time.Microsecond))
}

// Check fails the test unless every answer was right, at MinRate or more.
func (r TrafficReport) Check(t testing.TB) {
	t.Helper()
	if r.Again > 0 {
		t.Errorf("%d of %d queries were asked twice, since their connection was closed; want none", r.Again, r.Queries)
	}
	r.CheckReloaded(t)
}

// CheckReloaded is Check for a server that was told to reload meanwhile, and may
// close connections.
func (r TrafficReport) CheckReloaded(t testing.TB) {
	t.Helper()
	if r.Unanswered > 0 {
		t.Errorf("%d of %d queries without an answer, want none", r.Unanswered, r.Queries)
	}
	r.CheckAnswers(t)
}

// CheckAnswers is Check for a server that was down meanwhile: what it answers has
// to be right. The rate is that of the machine, and judged as time is.
func (r TrafficReport) CheckAnswers(t testing.TB) {
	t.Helper()
	t.Logf("traffic: %s", r)
	if r.Failed > 0 || r.Changed > 0 {
		t.Errorf("%d failed and %d changed answers of %d, want none", r.Failed, r.Changed, r.Queries)
	}
	if r.Unanswered+r.Failed+r.Changed > 0 {
		t.Logf("the first of each: %s", strings.Join(r.Faults, "\n  "))
	}
	if rate := r.Rate(); Timing && rate < MinRate {
		t.Errorf("%.0f queries a second, want at least %d", rate, MinRate)
	}
}
