package httpbalance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/rosterdns/roster/registrar/balance"
	"github.com/rosterdns/roster/registrar/httpbalance"
)

// What an instance does with a request, but for answering it with a status.
const (
	refuses = "refuses the connection"
	dies    = "closes the connection"
)

// first registers an instance that requests go to before those on standby.
func first(r registry, does any, count *atomic.Int32) {
	r.Helper()
	if does == refuses {
		r.refuse("first")
		return
	}
	r.start("first", func(w http.ResponseWriter, req *http.Request) {
		count.Add(1)
		_, _ = io.Copy(io.Discard, req.Body)
		if status, ok := does.(int); ok {
			w.WriteHeader(status)
			return
		}
		panic(http.ErrAbortHandler)
	})
}

// TestRetries checks which requests are sent to another instance after what.
func TestRetries(t *testing.T) {
	t.Parallel()
	const key = "Idempotency-Key: 1"
	noGetBody := func(s string) io.Reader { return io.MultiReader(strings.NewReader(s)) }
	for _, c := range []struct {
		method string
		body   io.Reader
		header string
		does   any
		again  bool
	}{
		{"GET", nil, "", refuses, true},
		{"POST", nil, "", refuses, true},
		{"POST", strings.NewReader("x"), "", refuses, true},
		{"POST", noGetBody("x"), "", refuses, false},
		{"GET", nil, "", dies, true},
		{"HEAD", nil, "", dies, true},
		{"OPTIONS", nil, "", dies, true},
		{"PUT", strings.NewReader("x"), "", dies, true},
		{"PUT", noGetBody("x"), "", dies, false},
		{"DELETE", nil, "", dies, true},
		{"POST", strings.NewReader("x"), "", dies, false},
		{"POST", nil, "", dies, false},
		{"PATCH", strings.NewReader("x"), "", dies, false},
		{"POST", strings.NewReader("x"), key, dies, true},
		{"PATCH", strings.NewReader("x"), "X-" + key, dies, true},
		{"GET", nil, "", 503, true},
		{"GET", nil, "", 502, true},
		{"GET", nil, "", 504, true},
		{"GET", nil, "", 500, false},
		{"GET", nil, "", 429, false},
		{"GET", nil, "", 404, false},
		{"POST", strings.NewReader("x"), "", 503, false},
		{"POST", strings.NewReader("x"), key, 503, true},
	} {
		t.Run(fmt.Sprint(c.method, c.header, c.does), func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t)
			var count atomic.Int32
			first(r, c.does, &count)
			other := r.start("other", func(w http.ResponseWriter, req *http.Request) {
				body, _ := io.ReadAll(req.Body)
				if c.body != nil && string(body) != "x" {
					t.Errorf("the other instance gets the body %q", body)
				}
				w.WriteHeader(http.StatusAccepted)
			})
			r.set("other", other.Listener.Addr().String(), standby)
			status, _, err := do(t.Context(), r.client(), c.method, "http://orders.roster/", c.body, c.header)
			if again := status == http.StatusAccepted; again != c.again {
				t.Errorf("status %d, %v; another try: %v, want %v", status, err, again, c.again)
			}
			if code, ok := c.does.(int); ok && !c.again && status != code {
				t.Errorf("status %d, want that of the instance", status)
			}
			if c.does != refuses && count.Load() != 1 {
				t.Errorf("the first instance gets %d requests, want 1", count.Load())
			}
		})
	}
}

// TestRetryLimits checks how many instances a request reaches that all fail, and that the
// last response is returned.
func TestRetryLimits(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		opts []httpbalance.Option
		want int32
	}{
		{nil, 3},
		{[]httpbalance.Option{httpbalance.WithRetries(0)}, 1},
		{[]httpbalance.Option{httpbalance.WithRetries(4)}, 5},
		{[]httpbalance.Option{httpbalance.WithRetries(100)}, 6}, // each instance once
		{[]httpbalance.Option{httpbalance.WithRetryStatus(500)}, 1},
		{[]httpbalance.Option{httpbalance.WithRetryBudget(0)}, 1},
	} {
		r := newRegistry(t)
		var count atomic.Int32
		for i := range 6 {
			r.start(fmt.Sprint("i", i), func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusServiceUnavailable)
				_, _ = fmt.Fprint(w, "no: ", count.Add(1))
			})
		}
		status, text, err := do(t.Context(), r.client(c.opts...), http.MethodGet, "http://orders.roster/", nil)
		if want := fmt.Sprint("no: ", c.want); status != http.StatusServiceUnavailable || text != want || count.Load() != c.want {
			t.Errorf("%d, %q, %v after %d tries, want %q", status, text, err, count.Load(), want)
		}
	}
}

// TestRetryBudget checks that retries can't multiply the load on a service that fails.
func TestRetryBudget(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	var count atomic.Int32
	for i := range 5 {
		r.start(fmt.Sprint("i", i), func(w http.ResponseWriter, _ *http.Request) {
			count.Add(1)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
	}
	const requests = 400
	c := r.client(httpbalance.WithRetryBudget(0.1))
	for range requests {
		if _, _, err := do(t.Context(), c, http.MethodGet, "http://orders.roster/", nil); err != nil {
			t.Fatal(err)
		}
	}
	if extra := count.Load() - requests; extra < requests/10 || extra > requests/10+10 {
		t.Errorf("%d requests are sent again of %d, want a tenth and the 10 in reserve", extra, requests)
	}
}

// TestRetryBudgetIsBounded checks that good times, however long, allow for one burst of
// retries.
func TestRetryBudgetIsBounded(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	var count atomic.Int32
	var fails atomic.Bool
	for i := range 2 {
		r.start(fmt.Sprint("i", i), func(w http.ResponseWriter, _ *http.Request) {
			if count.Add(1); fails.Load() {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
		})
	}
	c := r.client(httpbalance.WithRetryBudget(0.5))
	const good, bad = 400, 250
	for i := range good + bad {
		fails.Store(i >= good)
		if _, _, err := do(t.Context(), c, http.MethodGet, "http://orders.roster/", nil); err != nil {
			t.Fatal(err)
		}
	}
	if extra := count.Load() - good - bad; extra < 220 || extra > 226 {
		t.Errorf("%d requests of %d are sent again, want half of them and the 100 saved up", extra, bad)
	}
}

// TestTriesAreBounded checks that a request that reaches nobody ends.
func TestTriesAreBounded(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	for i := range 15 {
		r.refuse(fmt.Sprint("dead", i))
	}
	var dialed atomic.Int32
	base := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		dialed.Add(1)
		return nil, errRefused
	}}
	_, _, err := do(t.Context(), r.client(httpbalance.WithTransport(base)), http.MethodPost, "http://orders.roster/", nil)
	if !errors.Is(err, errRefused) || dialed.Load() != 10 {
		t.Errorf("%d instances were tried, then %v; want 10", dialed.Load(), err)
	}
}

// TestUnreachable checks that a request gets through wherever most instances are dead, and
// that it costs no budget.
func TestUnreachable(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	for i := range 9 {
		r.refuse(fmt.Sprint("dead", i))
	}
	r.start("alive", answer(http.StatusOK, "alive"))
	c := r.client(httpbalance.WithRetryBudget(0))
	for range 200 {
		get(t, c, "http://orders.roster/")
	}
	r.remove("alive")
	if _, _, err := do(t.Context(), c, http.MethodPost, "http://orders.roster/", nil); !isRefused(err) {
		t.Errorf("nobody is alive: %v, want the error of connecting", err)
	}
}

func isRefused(err error) bool {
	op := (*net.OpError)(nil)
	return errors.As(err, &op) && op.Op == "dial"
}

// TestCancel checks that a request which the program gives up is sent nowhere else, and
// is not the instance's fault.
func TestCancel(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	in := make(chan struct{}, 10)
	for _, id := range []string{"a", "b"} {
		r.start(id, func(_ http.ResponseWriter, req *http.Request) {
			in <- struct{}{}
			<-req.Context().Done()
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	c := r.client()
	go func() {
		_, _, err := do(ctx, c, http.MethodGet, "http://orders.roster/", nil)
		done <- err
	}()
	<-in
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if len(in) > 0 {
		t.Error("it was sent to another instance")
	}
}

// TestInFlight checks that a request is in flight until its response has been read or is
// closed: the next ones go elsewhere.
func TestInFlight(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	for _, id := range []string{"a", "b"} {
		r.start(id, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Instance", id)
			_, _ = io.WriteString(w, "unread")
		})
	}
	c := r.client()
	var open []*http.Response
	seen := map[string]int{}
	for range 20 {
		response, err := c.Get("http://orders.roster/")
		if err != nil {
			t.Fatal(err)
		}
		seen[response.Header.Get("Instance")]++
		open = append(open, response)
	}
	if seen["a"] != 10 || seen["b"] != 10 {
		t.Errorf("of 20 open responses %v", seen)
	}
	for _, response := range open {
		_ = response.Body.Close()
	}
}

// TestReuse checks that connections are used again, after answers that nobody sees as well.
func TestReuse(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	counted := map[string]*connections{}
	for id, status := range map[string]int{"busy": http.StatusServiceUnavailable, "fine": http.StatusOK} {
		s := httptest.NewUnstartedServer(answer(status, id))
		counted[id] = countConnections(s)
		s.Start()
		defer s.Close()
		r.set(id, s.Listener.Addr().String())
	}
	c := r.client(httpbalance.WithBalance(balance.WithPolicy(balance.Weighted)))
	for range 10 {
		get(t, c, "http://orders.roster/")
	}
	for id, conns := range counted {
		if conns.opened > 1 {
			t.Errorf("%d connections to %s for 10 requests one after the other, want one", conns.opened, id)
		}
	}
}
