package etcdclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"

	"google.golang.org/grpc/credentials"
)

var (
	// errRefused is what a server looks like that hangs up before it has said
	// a word, as one does that expects TLS and is spoken to without.
	errRefused = errors.New("the server closes the connection at once: has it just stopped, or does it want TLS (https), or a client certificate?")
	// errSilent is what a server looks like that is stopped: its kernel accepts
	// connections, and nobody answers.
	errSilent = errors.New("the server takes connections but says nothing: is it stopped or overloaded?")
)

// trouble remembers why the last attempt to connect failed. gRPC tries again in
// silence, so that a request only ever sees its own time-out.
type trouble struct {
	mu  sync.Mutex
	err error
}

func (t *trouble) note(err error) {
	if errors.Is(err, context.Canceled) || errors.Is(err, net.ErrClosed) {
		return // this side gave up
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
}

// Err returns why the last attempt to connect failed; nil before the first and
// while there is a connection.
func (t *trouble) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.err
}

// dial connects, and watches what becomes of the connection.
func (t *trouble) dial(ctx context.Context, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		t.note(err) // names the address
		return nil, err
	}
	return conn, nil
}

// watch returns conn, whose first read tells whether the server talks.
func (t *trouble) watch(conn net.Conn) net.Conn {
	return &watchedConn{Conn: conn, trouble: t}
}

// watchedConn notes how a connection fares until the server's first word. Reads
// are one at a time, as gRPC does them, and so are writes.
type watchedConn struct {
	net.Conn
	trouble *trouble
	heard   atomic.Bool // the server has said something
	refused atomic.Bool // it took no more of what was written
}

// Read implements net.Conn.
func (c *watchedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	switch {
	case c.heard.Load():
	case n > 0:
		c.heard.Store(true)
		c.trouble.note(nil)
	case errors.Is(err, net.ErrClosed):
		// gRPC gave up: on a write that failed, which is noted, or in time.
		if !c.refused.Load() {
			c.failed(errSilent)
		}
	case err != nil:
		c.failed(err)
	}
	return n, err
}

// Write implements net.Conn. A server that refuses a client can be noticed here
// first.
func (c *watchedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err != nil && !errors.Is(err, net.ErrClosed) && !c.heard.Load() {
		c.refused.Store(true)
		c.failed(err)
	}
	return n, err
}

func (c *watchedConn) failed(err error) {
	if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		err = errRefused
	}
	c.trouble.note(fmt.Errorf("%v: %w", c.RemoteAddr(), err))
}

// watched are credentials whose handshakes are noted.
type watched struct {
	credentials.TransportCredentials
	trouble *trouble
}

// ClientHandshake implements credentials.TransportCredentials. A server that
// speaks TLS 1.3 refuses a client's certificate after the handshake, so that
// the connection is watched too.
func (w watched) ClientHandshake(ctx context.Context, authority string, raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := w.TransportCredentials.ClientHandshake(ctx, authority, raw)
	if err != nil {
		w.trouble.note(fmt.Errorf("handshake with %q: %w", authority, err))
		return nil, nil, err
	}
	return w.trouble.watch(conn), info, nil
}

// Clone implements credentials.TransportCredentials.
func (w watched) Clone() credentials.TransportCredentials {
	return watched{w.TransportCredentials.Clone(), w.trouble}
}
