package etcdclient

import (
	"encoding/binary"
	"io"
	"net"
	"sync/atomic"
	"testing"
)

// TestNoPings is of fault 31: gRPC sends no ping for what arrives, whose answer would wake
// an idle client once more.
func TestNoPings(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	counting := &countingListener{Listener: l}
	c := connect(t, Config{Endpoints: []string{"http://" + (&fakeEtcd{}).serveOn(t, counting)}})
	for range 10 {
		read(t, c)
	}
	if n := counting.pings.Load(); n > 0 {
		t.Errorf("%d pings for 10 answers", n)
	}
	if counting.frames.Load() == 0 {
		t.Error("no frame was seen: not what is tested")
	}
}

// countingListener counts the HTTP/2 frames that clients send.
type countingListener struct {
	net.Listener
	frames, pings atomic.Int64
}

// Accept implements net.Listener.
func (l *countingListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	seen, tee := io.Pipe()
	go l.count(seen)
	return &countedConn{conn, tee}, nil
}

// count reads what a client sends (RFC 9113, 3.4 and 4.1).
func (l *countingListener) count(r *io.PipeReader) {
	const preface, header, ping, ack = 24, 9, 0x06, 0x01
	defer r.Close()
	if _, err := io.CopyN(io.Discard, r, preface); err != nil {
		return
	}
	for {
		var h [header]byte
		if _, err := io.ReadFull(r, h[:]); err != nil {
			return
		}
		l.frames.Add(1)
		if h[3] == ping && h[4]&ack == 0 {
			l.pings.Add(1)
		}
		length := binary.BigEndian.Uint32(append([]byte{0}, h[:3]...))
		if _, err := io.CopyN(io.Discard, r, int64(length)); err != nil {
			return
		}
	}
}

// countedConn shows what is read to a countingListener.
type countedConn struct {
	net.Conn
	tee *io.PipeWriter
}

// Read implements net.Conn.
func (c *countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	_, _ = c.tee.Write(p[:n])
	return n, err
}

// Close implements net.Conn.
func (c *countedConn) Close() error {
	_ = c.tee.Close()
	return c.Conn.Close()
}
