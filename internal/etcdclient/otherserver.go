package etcdclient

import (
	"bytes"
	"fmt"
	"net"
)

const (
	// frameType is where the type of an HTTP/2 frame is (RFC 9113, 4.1), and settings the
	// type of the first frame that a server sends (3.4).
	frameType = 3
	settings  = 0x04
	// alert is what a TLS server answers with to who doesn't speak TLS (RFC 8446, 5.1).
	alert = 0x15
)

// otherServerError is a server that is no etcd, or etcd on a port that is not for clients.
type otherServerError struct {
	address string
	answer  string // the first line of what it says
}

// Error implements error.
func (e *otherServerError) Error() string {
	return fmt.Sprintf("%s is not etcd's port for clients (2379 by default): it answers %.60q, as other servers do, and etcd's port for its peers (2380)", e.address, e.answer)
}

// listening is a connection whose first bytes from the server are looked at: gRPC takes
// all that isn't HTTP/2 for a connection that breaks.
type listening struct {
	net.Conn
	note func(error) // is told of a server that speaks something else
	done bool
}

// Read implements net.Conn. One goroutine calls it.
func (c *listening) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if !c.done && n > frameType {
		c.done = true
		if p[frameType] != settings && p[0] != alert {
			line, _, _ := bytes.Cut(p[:n], []byte("\n"))
			c.note(&otherServerError{c.RemoteAddr().String(), string(bytes.TrimSpace(line))})
		}
	}
	return n, err
}
