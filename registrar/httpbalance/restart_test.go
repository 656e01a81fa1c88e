package httpbalance_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/registrar/httpbalance"
)

const (
	servers = 10
	users   = 16
	// between is how many requests there are, at least, between two events.
	between = 200
)

// traffic is users who send requests one after the other: GET, POST, and POST with an
// Idempotency-Key.
type traffic struct {
	*testing.T
	client *http.Client
	// failed is told of each request that fails, and where it was sent last. It is called
	// by one goroutine at a time.
	failed func(kind, addr string, err error)

	stop     atomic.Bool
	done     atomic.Int64
	progress chan struct{}
	inFlight chan struct{} // holds one for each request
	mu       sync.Mutex    // of failed
	wg       sync.WaitGroup
}

func (f *traffic) start() {
	f.progress, f.inFlight = make(chan struct{}, 1), make(chan struct{}, users)
	for range users {
		f.wg.Go(func() {
			for i := 0; !f.stop.Load(); i++ {
				f.request(i)
				f.done.Add(1)
				select {
				case f.progress <- struct{}{}:
				default:
				}
			}
		})
	}
}

// kinds are what is sent in turn.
var kinds = []string{"GET", "POST", "POST with a key"}

func (f *traffic) request(i int) {
	f.inFlight <- struct{}{}
	defer func() { <-f.inFlight }()
	kind, addr := kinds[i%len(kinds)], ""
	ctx := httptrace.WithClientTrace(f.Context(), &httptrace.ClientTrace{
		GotConn: func(c httptrace.GotConnInfo) { addr = c.Conn.RemoteAddr().String() },
	})
	var body io.Reader
	var header string
	if kind != kinds[0] {
		body = strings.NewReader("order")
	}
	if kind == kinds[2] {
		header = "Idempotency-Key: 1"
	}
	method, _, _ := strings.Cut(kind, " ")
	status, text, err := do(ctx, f.client, method, "http://orders.roster/", body, header)
	if err == nil && (status != http.StatusOK || text != "done") {
		err = fmt.Errorf("status %d, %q", status, text)
	}
	if err != nil {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.failed(kind, addr, err)
	}
}

// flow waits until some more requests have been sent.
func (f *traffic) flow() {
	for until := f.done.Load() + between; f.done.Load() < until; {
		<-f.progress
	}
}

// settle waits until each request that has begun has ended.
func (f *traffic) settle() {
	for range users {
		f.inFlight <- struct{}{}
	}
	for range users {
		<-f.inFlight
	}
}

func (f *traffic) end() {
	f.stop.Store(true)
	f.wg.Wait()
}

func work(w http.ResponseWriter, req *http.Request) {
	_, _ = io.Copy(io.Discard, req.Body)
	time.Sleep(time.Millisecond) // so that requests are in flight at any time
	_, _ = io.WriteString(w, "done")
}

// TestRollingRestart checks that instances which are drained before they stop lose no
// request.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	var list [servers]*httptest.Server
	for i := range list {
		list[i] = r.start(fmt.Sprint("i", i), work)
	}
	f := &traffic{T: t, client: r.client(), failed: func(kind, addr string, err error) { t.Errorf("%s at %s: %v", kind, addr, err) }}
	f.start()
	defer f.end()
	for i, s := range list {
		f.flow()
		id := fmt.Sprint("i", i)
		r.set(id, s.Listener.Addr().String(), draining)
		f.settle() // as --drain-delay gives time for
		s.Close()
		r.remove(id)
		r.start(id, work)
	}
	f.flow()
}

// TestKill checks that, when instances die, only the requests fail that they were working
// on, and of these only the ones that can't be repeated. They stay registered for a
// while, as until their lease runs out.
func TestKill(t *testing.T) {
	t.Parallel()
	synctest.Test(t, testKill)
}

func testKill(t *testing.T) {
	var n network
	var list [servers]*http.Server
	r := newRegistry(t)
	addr := func(i int) string { return fmt.Sprintf("10.0.0.%d:80", i+1) }
	start := func(i int) {
		list[i] = n.serve(t, addr(i), work)
		r.set(fmt.Sprint("i", i), addr(i))
	}
	for i := range list {
		start(i)
	}
	var killed string
	failures := 0
	f := &traffic{T: t, client: r.client(httpbalance.WithTransport(n.transport())), failed: func(kind, addr string, err error) {
		failures++
		if kind != "POST" || addr != killed {
			t.Errorf("%s at %s, while %s is killed: %v", kind, addr, killed, err)
		}
	}}
	f.start()
	defer f.end()
	for i, s := range list {
		f.flow()
		f.mu.Lock()
		killed, failures = addr(i), 0
		f.mu.Unlock()
		_ = s.Close()
		f.flow()
		f.settle()
		f.mu.Lock()
		if failures > users {
			t.Errorf("%d requests fail by the death of one of %d instances, want at most the %d in flight", failures, servers, users)
		}
		f.mu.Unlock()
		r.remove(fmt.Sprint("i", i))
		start(i)
	}
}
