package roster

import (
	"errors"
	"net"
	"reflect"
	"runtime"
	"sync"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"
)

// A client by TCP, DoT or DoQ has answers of 64 KiB for questions of 50 octets, and need not
// read them. What such clients hold of the server is bounded by these.
const (
	// maxWrite is how long the write of an answer may take. Who reads at all has
	// room for one in less.
	maxWrite = 2 * time.Second
	// hurriedWrite is in place of maxWrite while more than half of the places are
	// taken: some round trips of the longest distances.
	hurriedWrite = 250 * time.Millisecond
	// maxWait is how long a question waits for a place and a turn, after which
	// its connection is closed: resolvers ask again by then.
	maxWait = 2 * time.Second
	// largeCount is the number of records beyond which an answer is large: one of
	// fewer takes some KiB.
	largeCount = 16
	// maxPlaces is how many large answers there are at a time, each of which takes
	// about 300 KiB: as records, packed, and as it is sent.
	maxPlaces = 32
	// blockedAfter is how long a write has the turn of who builds the next answer:
	// one that takes longer waits for its client.
	blockedAfter = 10 * time.Millisecond
	// writeBuffer is how many octets the kernel holds for a client that is sent
	// large answers: two of the largest. Linux would take 4 MiB for each client.
	writeBuffer = 128 << 10
)

// tcpLimits bounds what answers by TCP, DoT and DoQ take at a time, in all blocks
// of a Corefile together. It is safe for concurrent use.
type tcpLimits struct {
	// places are taken from before a large answer is built until it is written.
	places chan struct{}
	// turns are taken while one is built and packed, so that other questions find
	// a processor.
	turns chan struct{}
}

func newTCPLimits() *tcpLimits {
	return &tcpLimits{
		places: make(chan struct{}, maxPlaces),
		turns:  make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
}

// tcpAnswer is an answer to a client by TCP that is being built and written.
type tcpAnswer struct {
	w      dns.ResponseWriter
	limits *tcpLimits // nil where the answer is not large
	// passTurn passes the turn on. Further calls do nothing.
	passTurn func()
}

// begin waits until an answer of that many records can be built; it is ended
// then. Where that takes too long it closes the connection and returns nil.
func (l *tcpLimits) begin(w dns.ResponseWriter, records int) *tcpAnswer {
	if records <= largeCount {
		return &tcpAnswer{w: w, passTurn: func() {}}
	}
	timeout := time.NewTimer(maxWait)
	defer timeout.Stop()
	for i, c := range [...]chan struct{}{l.places, l.turns} {
		select {
		case c <- struct{}{}:
		case <-timeout.C:
			if i > 0 {
				<-l.places
			}
			_ = w.Close() // it is given up, whatever becomes of it
			return nil
		}
	}
	return &tcpAnswer{w, l, sync.OnceFunc(func() { <-l.turns })}
}

// end lets the next answer begin.
func (a *tcpAnswer) end() {
	a.passTurn()
	if a.limits != nil {
		<-a.limits.places
	}
}

// write has a message written. Where the client is gone or doesn't read it closes the
// connection, so that no more of its questions are answered, and returns nil:
// nothing is wrong with the server.
func (a *tcpAnswer) write(write func() error) error {
	if conn := connOf(a.w); conn != nil {
		a.prepare(conn)
		// Others write to the connection, too.
		defer func() { _ = conn.SetWriteDeadline(time.Time{}) }()
	}
	if a.limits != nil {
		defer time.AfterFunc(blockedAfter, a.passTurn).Stop()
	}
	err := write()
	if gone := net.Error(nil); errors.As(err, &gone) {
		_ = a.w.Close() // it is given up, whatever becomes of it
		return nil
	}
	return err
}

// connection is what an answer is written to: that of a client by TCP or DoT, or a
// stream of DoQ.
type connection interface{ SetWriteDeadline(t time.Time) error }

// prepare limits what the next write takes. It fails only where the connection
// is closed, and so will the write.
func (a *tcpAnswer) prepare(conn connection) {
	limit := maxWrite
	if a.limits != nil {
		if len(a.limits.places) > maxPlaces/2 {
			limit = hurriedWrite
		}
		raw := conn
		if c, ok := conn.(interface{ NetConn() net.Conn }); ok { // DoT
			raw = c.NetConn()
		}
		if c, ok := raw.(*net.TCPConn); ok {
			_ = c.SetWriteBuffer(writeBuffer)
		}
	}
	_ = conn.SetWriteDeadline(time.Now().Add(limit))
}

// connOf returns the connection that a writer writes to, or nil where it is
// another sort. miekg/dns and CoreDNS leave writes without a deadline and have no
// way to set one; to close the connection from elsewhere during a write would be a
// data race in their writers. So the field of the writer is read, which never
// changes.
func connOf(w dns.ResponseWriter) connection {
	for ; w != nil; w = beneath(w) {
		v := reflect.Indirect(reflect.ValueOf(w))
		switch t := v.Type(); {
		case t.Kind() != reflect.Struct:
			return nil
		case t.PkgPath() == "github.com/miekg/dns":
			return fieldOf[connection](v, "tcp")
		case t == reflect.TypeFor[dnsserver.DoQWriter]():
			return fieldOf[connection](v, "stream")
		}
	}
	return nil
}
