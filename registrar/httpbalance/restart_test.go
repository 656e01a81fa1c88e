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
	"time"
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
	inFlight sync.RWMutex // read-locked by each request
	mu       sync.Mutex   // of failed
	wg       sync.WaitGroup
}

func (f *traffic) start() {
	f.progress = make(chan struct{}, 1)
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
	f.inFlight.RLock()
	defer f.inFlight.RUnlock()
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
	f.inFlight.Lock()
	defer f.inFlight.Unlock()
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

// serve starts ten servers.
func serve(r registry) (list [servers]*httptest.Server) {
	r.Helper()
	for i := range list {
		list[i] = r.start(fmt.Sprint("i", i), work)
	}
	return list
}

// TestRollingRestart checks that instances which are drained before they stop lose no
// request.
func TestRollingRestart(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	list := serve(r)
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
	r := newRegistry(t)
	list := serve(r)
	var killed string
	failures := 0
	f := &traffic{T: t, client: r.client(), failed: func(kind, addr string, err error) {
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
		killed, failures = s.Listener.Addr().String(), 0
		f.mu.Unlock()
		_ = s.Listener.Close()
		s.CloseClientConnections()
		f.flow()
		f.settle()
		f.mu.Lock()
		if failures > users {
			t.Errorf("%d requests fail by the death of one of %d instances, want at most the %d in flight", failures, servers, users)
		}
		f.mu.Unlock()
		id := fmt.Sprint("i", i)
		r.remove(id)
		r.start(id, work)
	}
}
