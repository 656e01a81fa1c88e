package httpbalance

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// pool is the connections to one instance. Close is called when it leaves; what is in
// flight goes on.
type pool struct {
	*http.Transport
	inFlight atomic.Int64
	left     atomic.Bool
	onLeave  func(*pool)
}

// begin is called before a request, and end after it and its response.
func (p *pool) begin() { p.inFlight.Add(1) }

func (p *pool) end() {
	// A connection of HTTP/2 is idle only now; and a request that was picked before can
	// have begun after Close.
	if p.inFlight.Add(-1) == 0 && p.left.Load() {
		p.CloseIdleConnections()
	}
}

// Close implements io.Closer.
func (p *pool) Close() error {
	p.left.Store(true)
	p.CloseIdleConnections()
	p.onLeave(p)
	return nil
}

// newPool returns a pool for an instance; the template doesn't change.
func newPool(template *http.Transport, addr string, connectTimeout time.Duration, onLeave func(*pool)) *pool {
	t := template.Clone()
	dial := t.DialContext
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	t.DialContext = to(addr, connectTimeout, dial)
	if t.DialTLSContext != nil {
		t.DialTLSContext = to(addr, connectTimeout, t.DialTLSContext)
	}
	return &pool{Transport: t, onLeave: onLeave}
}

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// to returns a function that dials an address, whatever it is given, in a bounded time.
func to(addr string, timeout time.Duration, dial dialFunc) dialFunc {
	return func(ctx context.Context, network, _ string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		return dial(ctx, network, addr)
	}
}

// maxIdle is how many idle connections there are to an instance: net/http's default of
// two would have a busy client connect for most of its requests.
const maxIdle = 100

// newTemplate returns what the transports of instances are clones of.
func newTemplate(base *http.Transport) *http.Transport {
	if base == nil {
		base = defaultTransport().Clone()
		base.MaxIdleConnsPerHost = maxIdle
	}
	t := base.Clone()
	// Clone has had base set up what it negotiates, which is HTTP/2 by default; one with a
	// dialer of its own does so only if told.
	if _, http2 := base.TLSNextProto["h2"]; http2 {
		t.ForceAttemptHTTP2 = true
	}
	t.Proxy = nil
	return t
}

// defaultTransport returns http.DefaultTransport, unless the program has put something
// else there.
func defaultTransport() *http.Transport {
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		return t
	}
	return &http.Transport{ForceAttemptHTTP2: true}
}
