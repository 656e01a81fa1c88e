package roster

import (
	"errors"
	"net"
	"reflect"
	"runtime"
	"sync"
	"time"

	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// A client by TCP has answers of 64 KiB for questions of 50 octets, and need not
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

// tcpLimits bounds what answers by TCP, DoT among them, take at a time, in all
// blocks of a Corefile together. It is safe for concurrent use.
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

// overTCP reports whether an answer goes out by TCP.
func overTCP(state *request.Request) bool { return state.Proto() == "tcp" }

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

// write writes a message. Where the client is gone or doesn't read it closes the
// connection, so that no more of its questions are answered, and returns nil:
// nothing is wrong with the server.
func (a *tcpAnswer) write(m *dns.Msg) error {
	if conn := connOf(a.w); conn != nil {
		a.prepare(conn)
		// Others write to the connection, too.
		defer func() { _ = conn.SetWriteDeadline(time.Time{}) }()
	}
	if a.limits != nil {
		defer time.AfterFunc(blockedAfter, a.passTurn).Stop()
	}
	err := a.w.WriteMsg(m)
	if gone := net.Error(nil); errors.As(err, &gone) {
		_ = a.w.Close() // it is given up, whatever becomes of it
		return nil
	}
	return err
}

// prepare limits what the next write takes. It fails only where the connection
// is closed, and so will the write.
func (a *tcpAnswer) prepare(conn net.Conn) {
	limit := maxWrite
	if a.limits != nil {
		if len(a.limits.places) > maxPlaces/2 {
			limit = hurriedWrite
		}
		if c, ok := conn.(interface{ NetConn() net.Conn }); ok { // DoT
			conn = c.NetConn()
		}
		if c, ok := conn.(*net.TCPConn); ok {
			_ = c.SetWriteBuffer(writeBuffer)
		}
	}
	_ = conn.SetWriteDeadline(time.Now().Add(limit))
}

// connOf returns the connection that a writer writes to, or nil where it is
// another sort. miekg/dns leaves writes without a deadline and has no way to set
// one; to close the connection from elsewhere during a write would be a data race
// in its writer. So the field of the writer is read, which never changes; the
// writers of plugins around it embed the next one.
func connOf(w dns.ResponseWriter) net.Conn {
	v := reflect.ValueOf(w)
	for {
		v = reflect.Indirect(v)
		if v.Kind() != reflect.Struct {
			return nil
		}
		if t := v.Type(); t.PkgPath() == "github.com/miekg/dns" {
			break
		}
		field, ok := v.Type().FieldByName("ResponseWriter")
		if !ok {
			return nil
		}
		next, err := v.FieldByIndexErr(field.Index)
		if err != nil || next.Kind() != reflect.Interface {
			return nil
		}
		v = next.Elem()
	}
	field := v.FieldByName("tcp")
	if !field.IsValid() || !field.CanAddr() {
		return nil
	}
	conn, _ := reflect.TypeAssert[net.Conn](reflect.NewAt(field.Type(), field.Addr().UnsafePointer()).Elem())
	return conn
}
