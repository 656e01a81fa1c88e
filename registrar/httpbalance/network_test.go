package httpbalance_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"testing"
)

var errRefused = &net.OpError{Op: "dial", Err: errors.New("connection refused")}

// network is a network in memory, for bubbles of synctest. Nobody answers at an address
// without a listener.
type network struct {
	mu        sync.Mutex
	listeners map[string]*listener
	refuses   map[string]bool
	protocols *http.Protocols // nil for HTTP/1.1
}

// conn is a client's connection.
type conn struct {
	net.Conn
	network *network
	addr    string
}

// Write fails without writing anything if the other side has gone.
func (c *conn) Write(b []byte) (int, error) {
	c.network.mu.Lock()
	refuses := c.network.refuses[c.addr]
	c.network.mu.Unlock()
	if refuses {
		return 0, errors.New("broken pipe")
	}
	return c.Conn.Write(b)
}

// RemoteAddr returns the address that was connected to.
func (c *conn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(netip.MustParseAddrPort(c.addr)) }

// stop ends what listens at an address, and its connections.
func (n *network) stop(addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refuses = map[string]bool{addr: true}
}

// transport returns a transport over the network.
func (n *network) transport() *http.Transport {
	return &http.Transport{Protocols: n.protocols, DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
		n.mu.Lock()
		l := n.listeners[addr]
		refuses := n.refuses[addr]
		n.mu.Unlock()
		if refuses {
			return nil, errRefused
		}
		if l == nil {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		client, server := net.Pipe()
		client = &conn{client, n, addr}
		select {
		case l.conns <- server:
			return client, nil
		case <-l.closed:
			return nil, errRefused
		}
	}}
}

// serve starts a server at an address.
func (n *network) serve(t *testing.T, addr string, h http.HandlerFunc) *http.Server {
	t.Helper()
	l := &listener{conns: make(chan net.Conn), closed: make(chan struct{})}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.listeners == nil {
		n.listeners = map[string]*listener{}
	}
	n.listeners[addr] = l
	s := &http.Server{Handler: h, Protocols: n.protocols}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l)
	}()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})
	return s
}

type listener struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (l *listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *listener) Addr() net.Addr { return &net.TCPAddr{} }
