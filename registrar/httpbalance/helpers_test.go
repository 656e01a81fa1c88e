package httpbalance_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/httpbalance"
	"github.com/rosterdns/roster/registrar/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// registry is a client of a registry in memory.
type registry struct {
	*testing.T
	*registrar.Client
}

func newRegistry(t *testing.T) registry {
	t.Helper()
	c, err := registrar.Open(t.Context(), memory.Name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return registry{t, c}
}

// set registers an instance of orders with an address.
func (r registry) set(id, addr string, change ...func(*registrar.Instance)) {
	r.Helper()
	a, err := netip.ParseAddrPort(addr)
	if err != nil {
		r.Fatal(err)
	}
	in := registrar.Instance{ID: id, Addresses: []netip.Addr{a.Addr()}, Ports: []registrar.Port{{Name: "http", Port: a.Port()}}}
	for _, f := range change {
		f(&in)
	}
	if err := r.Register(r.Context(), &registrar.Service{Name: "orders", Instances: []registrar.Instance{in}}); err != nil {
		r.Fatal(err)
	}
}

func (r registry) remove(id string) {
	r.Helper()
	if err := r.Unregister(r.Context(), &registrar.Service{Name: "orders", Instances: []registrar.Instance{{ID: id}}}); err != nil {
		r.Fatal(err)
	}
}

// start starts a server and registers it.
func (r registry) start(id string, h http.HandlerFunc) *httptest.Server {
	r.Helper()
	s := httptest.NewServer(h)
	r.Cleanup(s.Close)
	r.set(id, s.Listener.Addr().String())
	return s
}

// refuse registers an instance at an address where nobody listens: a port that is not
// given to other tests.
func (r registry) refuse(id string) {
	r.Helper()
	r.set(id, "127.0.0.1:1")
}

func standby(in *registrar.Instance)  { in.Priority = 1 }
func draining(in *registrar.Instance) { in.Status = "draining" }

// client returns a client whose connections are closed at the end.
func (r registry) client(opts ...httpbalance.Option) *http.Client {
	c := httpbalance.NewClient(r, opts...)
	r.Cleanup(c.CloseIdleConnections)
	return c
}

// answer is a handler that answers with a status and a text.
func answer(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, text)
	}
}

// do sends a request, and returns the status and the body.
func do(ctx context.Context, c *http.Client, method, url string, body io.Reader, header ...string) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return 0, "", err
	}
	for _, h := range header {
		if key, value, ok := strings.Cut(h, ": "); ok {
			req.Header.Set(key, value)
		}
	}
	response, err := c.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// get sends a GET to orders that must succeed.
func get(t *testing.T, c *http.Client, url string) string {
	t.Helper()
	status, text, err := do(t.Context(), c, http.MethodGet, url, nil)
	if err != nil || status != http.StatusOK {
		t.Fatalf("GET %s: %d, %v", url, status, err)
	}
	return text
}

// connections counts the connections of a server.
type connections struct {
	mu     sync.Mutex
	states map[net.Conn]http.ConnState
	opened int // since the start
	change chan struct{}
}

// countConnections counts those of a server that has not started yet.
func countConnections(s *httptest.Server) *connections {
	c := &connections{states: map[net.Conn]http.ConnState{}, change: make(chan struct{}, 1)}
	s.Config.ConnState = func(conn net.Conn, state http.ConnState) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if state == http.StateNew {
			c.opened++
		}
		if c.states[conn] = state; state == http.StateClosed {
			delete(c.states, conn)
		}
		select {
		case c.change <- struct{}{}:
		default:
		}
	}
	return c
}

// wait waits until there are n connections.
func (c *connections) wait(n int) {
	for c.count() != n {
		<-c.change
	}
}

func (c *connections) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.states)
}
