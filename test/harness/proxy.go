package harness

import (
	"context"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy is a TCP proxy in front of an etcd member, which breaks connections in
// the ways in which networks do. Its methods are safe for concurrent use.
type Proxy struct {
	listen, target string // host:port
	scheme         string
	delay          atomic.Int64 // time.Duration
	carried        atomic.Int64 // bytes from the target

	ctx    context.Context // done at the end of the test
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu       sync.Mutex
	open     chan struct{} // closed while data may pass
	listener net.Listener  // nil while connections are refused
	conns    map[net.Conn]struct{}
}

// StartProxy starts a proxy for the URL of an etcd member. It ends with the
// test.
func StartProxy(t testing.TB, endpoint string) *Proxy {
	t.Helper()
	return StartProxyAt(t, endpoint, FreeAddr(t))
}

// StartProxyAt is StartProxy at an address, which is on loopback in most tests.
func StartProxyAt(t testing.TB, endpoint, listen string) *Proxy {
	t.Helper()
	u, err := url.Parse(endpoint)
	if err != nil {
		t.Fatal(err)
	}
	p := &Proxy{listen: listen, target: u.Host, scheme: u.Scheme, open: make(chan struct{}), conns: map[net.Conn]struct{}{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	close(p.open)
	p.Accept(t)
	t.Cleanup(p.close)
	return p
}

// StartProxies starts a proxy in front of each member.
func StartProxies(t testing.TB, e *Etcd) []*Proxy {
	t.Helper()
	var proxies []*Proxy
	for _, m := range e.Members {
		proxies = append(proxies, StartProxy(t, m.Endpoint()))
	}
	return proxies
}

// Endpoint is the URL under which clients find the member through the proxy.
func (p *Proxy) Endpoint() string { return p.scheme + "://" + p.listen }

// Carried is the number of bytes that came from the member.
func (p *Proxy) Carried() int64 { return p.carried.Load() }

// Cut makes the member unreachable in silence, as a broken network does: what
// was sent arrives only after Heal, connections stay open, and new ones are
// never answered.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
		p.open = make(chan struct{})
	default: // is cut
	}
}

// Heal ends a Cut.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.open:
	default:
		close(p.open)
	}
}

// Refuse resets all connections and refuses new ones, until Accept.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	p.reset()
}

// Accept ends a Refuse.
func (p *Proxy) Accept(t testing.TB) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		return
	}
	l, err := net.Listen("tcp", p.listen)
	if err != nil {
		t.Fatal(err)
	}
	p.listener = l
	p.wg.Go(func() { p.accept(l) })
}

// Reset resets all connections. New ones are accepted.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reset()
}

func (p *Proxy) reset() {
	// All of them first: what passes data between two closes the one as soon as
	// the other is, which is no reset yet.
	for c := range p.conns {
		resetOnClose(c)
	}
	for c := range p.conns {
		_ = c.Close()
	}
}

// abort closes a connection by RST.
func abort(c net.Conn) {
	resetOnClose(c)
	_ = c.Close()
}

func resetOnClose(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// ResetEvery resets all connections again and again, until stop is called.
func (p *Proxy) ResetEvery(interval time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(p.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(interval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				p.Reset()
			}
		}
	}()
	return func() { cancel(); <-done }
}

// Delay holds up what passes from now on, in each direction, by d.
func (p *Proxy) Delay(d time.Duration) { p.delay.Store(int64(d)) }

func (p *Proxy) close() {
	p.cancel()
	p.Refuse()
	p.wg.Wait()
}

func (p *Proxy) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(c) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	defer client.Close()
	p.keep(client)
	defer p.forget(client)
	if !p.pass() {
		return
	}
	server, err := (&net.Dialer{Timeout: Patience}).DialContext(p.ctx, "tcp", p.target)
	if err != nil {
		abort(client)
		return
	}
	defer server.Close()
	p.keep(server)
	defer p.forget(server)
	var pumps sync.WaitGroup
	pumps.Go(func() { p.pump(server, client, nil) })
	pumps.Go(func() { p.pump(client, server, &p.carried) })
	pumps.Wait()
}

func (p *Proxy) keep(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener == nil {
		abort(c) // came while Refuse was under way
	}
	p.conns[c] = struct{}{}
}

func (p *Proxy) forget(c net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, c)
}

// pass waits while the proxy is cut. It reports false at the end of the test.
func (p *Proxy) pass() bool {
	p.mu.Lock()
	open := p.open
	p.mu.Unlock()
	select {
	case <-open:
		return p.ctx.Err() == nil
	case <-p.ctx.Done():
		return false
	}
}

// chunk is data under way.
type chunk struct {
	data []byte
	due  time.Time
}

const (
	// chunkSize is what is read at once.
	chunkSize = 32 << 10
	// chunksUnderWay bounds what a delayed direction holds: 8 MiB, so that a
	// delay doesn't become a limit of bandwidth.
	chunksUnderWay = 256
)

// pump carries data in one direction until either side ends, then ends both.
func (p *Proxy) pump(to, from net.Conn, count *atomic.Int64) {
	chunks := make(chan chunk, chunksUnderWay)
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(chunks)
		for {
			buf := make([]byte, chunkSize)
			n, err := from.Read(buf)
			if n > 0 {
				chunks <- chunk{buf[:n], time.Now().Add(time.Duration(p.delay.Load()))}
			}
			if err != nil {
				return
			}
		}
	})
	defer reading.Wait()
	defer func() {
		_ = from.Close()
		for range chunks { // so that the reader ends
		}
	}()
	defer to.Close()
	for c := range chunks {
		select {
		case <-time.After(time.Until(c.due)):
		case <-p.ctx.Done():
			return
		}
		if !p.pass() {
			return
		}
		if count != nil {
			count.Add(int64(len(c.data)))
		}
		if _, err := to.Write(c.data); err != nil {
			return
		}
	}
}
