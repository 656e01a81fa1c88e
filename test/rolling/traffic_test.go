package rolling_test

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

const (
	// rate is how many requests are sent a second.
	rate = 1000
	// minRate is what a machine that does nothing else has to reach.
	minRate = 900
	// maxInFlight bounds the requests under way: where servers answer in milliseconds
	// there are some ten. On a machine that can't keep up, those that are due wait.
	maxInFlight = 200
	// eventEvery is how many requests there are, at least, between two events.
	eventEvery = 300
)

// conn is a connection of a client that knows when the client has closed it, as it does
// when it sees the end of the server.
type conn struct {
	net.Conn
	closed atomic.Pointer[time.Time]
}

// Close implements net.Conn.
func (c *conn) Close() error {
	now := time.Now()
	c.closed.CompareAndSwap(nil, &now)
	return c.Conn.Close()
}

// openAt reports whether the client had not closed the connection at a time.
func (c *conn) openAt(at time.Time) bool {
	closed := c.closed.Load()
	return closed == nil || closed.After(at)
}

// failure is a request that failed, if it has an error.
type failure struct {
	began time.Time
	// again says that the request could be repeated.
	again bool
	// addr is the server to which it was sent last, "" if to none.
	addr string
	// open says that its connection was open when the request began: the server was alive,
	// or could not be known to be dead.
	open bool
	err  error
}

func (f failure) String() string {
	return fmt.Sprintf("request at %q (can be repeated: %v, connection open: %v): %v", f.addr, f.again, f.open, f.err)
}

// client sends a request, the n-th one. It returns the ID of the instance that answered,
// or how the request failed.
type client func(n int) (id string, f failure)

// traffic is a thousand requests a second, each sent at its own time: one that takes long
// delays none.
type traffic struct {
	client client
	start  time.Time
	slots  chan struct{} // one for each request that may be under way
	ended  atomic.Int64
	ticked chan struct{} // has a token after the end of a request
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	failures []failure
	answers  map[string]int // by instance
}

// startTraffic sends requests until the end of the test, or stop.
func startTraffic(t *testing.T, client client) *traffic {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	tr := &traffic{
		client: client, start: time.Now(), cancel: cancel,
		slots: make(chan struct{}, maxInFlight), ticked: make(chan struct{}, 1), answers: map[string]int{},
	}
	tr.wg.Go(func() { tr.run(ctx) })
	t.Cleanup(func() { tr.stop() })
	return tr
}

func (tr *traffic) run(ctx context.Context) {
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(tr.start.Add(time.Duration(n) * time.Second / rate))):
		}
		tr.slots <- struct{}{}
		tr.wg.Go(func() {
			defer func() { <-tr.slots }()
			tr.request(n)
			tr.ended.Add(1)
			select {
			case tr.ticked <- struct{}{}:
			default:
			}
		})
	}
}

func (tr *traffic) request(n int) {
	id, f := tr.client(n)
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if f.err != nil {
		tr.failures = append(tr.failures, f)
		return
	}
	tr.answers[id]++
}

// flow waits until some more requests have ended.
func (tr *traffic) flow() {
	for until := tr.ended.Load() + eventEvery; tr.ended.Load() < until; {
		<-tr.ticked
	}
}

// settle waits until all requests that are under way have ended.
func (tr *traffic) settle() {
	for range maxInFlight {
		tr.slots <- struct{}{}
	}
	for range maxInFlight {
		<-tr.slots
	}
}

// failed returns the failures since the last call.
func (tr *traffic) failed() []failure {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	f := tr.failures
	tr.failures = nil
	return f
}

// stop ends the traffic.
func (tr *traffic) stop() {
	tr.cancel()
	tr.wg.Wait()
}

// check ends the traffic, fails the test if requests have failed that it wasn't asked for,
// and says what there was.
func (tr *traffic) check(t *testing.T) {
	t.Helper()
	took := time.Since(tr.start)
	tr.stop()
	failures := tr.failed()
	for _, f := range failures {
		t.Error(f)
	}
	reached := float64(tr.ended.Load()) / took.Seconds()
	t.Logf("%d requests in %.1fs (%.0f/s), answered by %v", tr.ended.Load(), took.Seconds(), reached, tr.answers)
	if harness.Timing && reached < minRate {
		t.Errorf("%.0f requests a second, want at least %d", reached, minRate)
	}
	for i := range servers {
		if tr.answers[id(i)] == 0 {
			t.Errorf("%s has answered no request", id(i))
		}
	}
}
