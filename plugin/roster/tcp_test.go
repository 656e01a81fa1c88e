package roster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coredns/coredns/plugin/metrics"
	"github.com/coredns/coredns/plugin/pkg/dnstest"
	plugintest "github.com/coredns/coredns/plugin/test"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/mirror"
)

// tcpServer is a server as CoreDNS runs it, whose connections are pipes that
// look like TCP: nothing is buffered, and their deadlines are the bubble's.
type tcpServer struct {
	connections chan net.Conn
	closing     sync.Once
	server      dns.Server
	stopped     chan error
	// served are the queries that reached the handler, failed those for which it
	// returned an error.
	served, failed atomic.Int32
}

// startTCP starts a server, which the test stops.
func startTCP(r *Roster) *tcpServer {
	s := &tcpServer{connections: make(chan net.Conn), stopped: make(chan error)}
	s.server = dns.Server{Listener: s, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, req *dns.Msg) {
		s.served.Add(1)
		if _, err := r.ServeDNS(context.Background(), inChain(req, w), req); err != nil {
			s.failed.Add(1)
		}
	})}
	go func() { s.stopped <- s.server.ActivateAndServe() }()
	return s
}

// inChain wraps a writer as CoreDNS and the plugins before roster do.
func inChain(req *dns.Msg, w dns.ResponseWriter) dns.ResponseWriter {
	return metrics.NewRecorder(dnstest.NewRecorder(request.NewScrubWriter(req, w)))
}

// stop stops the server, which waits for its connections.
func (s *tcpServer) stop(t *testing.T) {
	t.Helper()
	if err := s.server.Shutdown(); err != nil {
		t.Error(err)
	}
	if err := <-s.stopped; err != nil {
		t.Error(err)
	}
	if n := s.failed.Load(); n > 0 {
		t.Errorf("%d errors, each of which would be logged", n)
	}
}

func (s *tcpServer) Accept() (net.Conn, error) {
	if c, ok := <-s.connections; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (s *tcpServer) Close() error {
	s.closing.Do(func() { close(s.connections) })
	return nil
}

func (s *tcpServer) Addr() net.Addr { return &net.TCPAddr{} }

// dial returns a connection whose queries are written, one after the other, as
// the server reads them.
func (s *tcpServer) dial(t *testing.T, queries int, question string) net.Conn {
	t.Helper()
	wire, err := query(question).Pack()
	if err != nil {
		t.Fatal(err)
	}
	wire = append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
	client, server := net.Pipe()
	s.connections <- tcpPipe{server}
	go func() {
		for range queries {
			if _, err := client.Write(wire); err != nil {
				return
			}
		}
	}()
	return client
}

// tcpPipe is the server's end of a pipe. Its errors are those of TCP.
type tcpPipe struct{ net.Conn }

func (tcpPipe) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 4711} }

func (p tcpPipe) Write(b []byte) (int, error) {
	n, err := p.Conn.Write(b)
	if err != nil {
		err = &net.OpError{Op: "write", Net: "tcp", Err: err}
	}
	return n, err
}

// TestTCPClientGone checks that nothing is answered any more once the client of a
// connection is gone, however many of its queries wait, and that it is no error.
func TestTCPClientGone(t *testing.T) {
	t.Parallel()
	for _, question := range []string{manySRV, "i00007.many.default.svc.internal. A"} {
		synctest.Test(t, func(t *testing.T) {
			s := startTCP(serving(t, "roster", many(1000)))
			// A pipe's end takes nothing after it is closed: what the kernel would
			// hold for the server is in one that answers never come to.
			client, server := net.Pipe()
			s.connections <- halfPipe{tcpPipe{server}}
			wire, err := query(question).Pack()
			if err != nil {
				t.Fatal(err)
			}
			wire = append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
			for range 100 {
				if _, err := client.Write(wire); err != nil {
					break // the server has closed the connection
				}
			}
			synctest.Wait()
			if n := s.served.Load(); n != 1 {
				t.Errorf("%s: %d queries were answered of a client that is gone", question, n)
			}
			s.stop(t)
		})
	}
}

// halfPipe can be read, and not written.
type halfPipe struct{ tcpPipe }

func (halfPipe) Write([]byte) (int, error) {
	return 0, &net.OpError{Op: "write", Net: "tcp", Err: io.ErrClosedPipe}
}

// TestTCPClientDeaf checks that a client that doesn't read is given up, and when.
func TestTCPClientDeaf(t *testing.T) {
	t.Parallel()
	for _, question := range []string{manySRV, "i00007.many.default.svc.internal. A"} {
		synctest.Test(t, func(t *testing.T) {
			s := startTCP(serving(t, "roster", many(1000)))
			start := time.Now()
			client := s.dial(t, 100, question)
			time.Sleep(maxWrite - time.Millisecond) // the bubble's clock
			synctest.Wait()
			if n := s.served.Load(); n != 1 {
				t.Errorf("%s: %d queries were answered at once", question, n)
			}
			time.Sleep(time.Millisecond)
			synctest.Wait()
			if n, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("%s: after %v: read %d octets, %v", question, time.Since(start), n, err)
			}
			s.stop(t)
			if n := s.served.Load(); n != 1 {
				t.Errorf("%s: %d queries were answered of a client that doesn't read", question, n)
			}
		})
	}
}

// TestTCPSlowReader: a client that reads each answer in time keeps its
// connection, however long all of them take.
func TestTCPSlowReader(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := startTCP(serving(t, "roster", many(1000)))
		client := dns.Conn{Conn: s.dial(t, 10, manySRV)}
		for i := range 10 {
			time.Sleep(maxWrite - time.Millisecond) // the bubble's clock
			if m, err := client.ReadMsg(); err != nil || len(m.Answer) != 1000 {
				t.Fatalf("answer %d: %v, %v", i, m, err)
			}
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		s.stop(t)
	})
}

// TestTCPManyDeaf checks that clients that don't read, however many, take a
// bounded number of large answers, and leave room for others.
func TestTCPManyDeaf(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := serving(t, "roster", many(1000))
		s := startTCP(r)
		var deaf []net.Conn
		for range 4 * maxPlaces {
			deaf = append(deaf, s.dial(t, 100, manySRV))
		}
		synctest.Wait()
		if n := int(s.served.Load()); n != len(deaf) {
			t.Errorf("%d queries of %d clients", n, len(deaf))
		}
		if n := len(r.tcp.places); n != maxPlaces {
			t.Errorf("%d large answers at a time, want %d", n, maxPlaces)
		}
		for question, want := range map[string]time.Duration{
			"i00007.many.default.svc.internal. A": 0, // small ones don't wait
			manySRV:                               maxWait,
		} {
			start := time.Now()
			client := dns.Conn{Conn: s.dial(t, 1, question)}
			if m, err := client.ReadMsg(); err != nil || len(m.Answer) == 0 || time.Since(start) > want {
				t.Errorf("%s: after %v: %v, %v", question, time.Since(start), m, err)
			}
			if err := client.Close(); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(maxWait + maxWrite) // the bubble's clock
		synctest.Wait()
		for _, c := range deaf {
			if n, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("a client is still served: %d octets, %v", n, err)
			}
		}
		if n := len(r.tcp.places) + len(r.tcp.turns); n != 0 {
			t.Errorf("%d places and turns are taken when all clients are gone", n)
		}
		s.stop(t)
	})
}

// TestTCPNoTurn: an answer that finds a place, but no turn, is given up with its
// connection, and leaves the place.
func TestTCPNoTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newTCPLimits()
		for range cap(l.turns) {
			l.turns <- struct{}{}
		}
		w := &closing{}
		start := time.Now()
		if a := l.begin(w, largeCount+1); a != nil || time.Since(start) != maxWait || !w.closed || len(l.places) > 0 {
			t.Errorf("after %v: %v; closed: %v; %d places are taken", time.Since(start), a, w.closed, len(l.places))
		}
	})
}

// closing is a writer that notes that it is closed.
type closing struct {
	dns.ResponseWriter
	closed bool
}

func (c *closing) Close() error {
	c.closed = true
	return nil
}

// TestTCPPause: a client that has read an answer can take its time until the next
// one is written, as by other plugins.
func TestTCPPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := serving(t, "roster", many(3))
		s := &tcpServer{connections: make(chan net.Conn), stopped: make(chan error)}
		s.server = dns.Server{Listener: s, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, req *dns.Msg) {
			if _, err := r.ServeDNS(t.Context(), inChain(req, w), req); err != nil {
				t.Error(err)
			}
			time.Sleep(2 * maxWrite)
			if err := w.WriteMsg(new(dns.Msg).SetReply(req)); err != nil {
				t.Errorf("what another plugin writes: %v", err)
			}
		})}
		go func() { s.stopped <- s.server.ActivateAndServe() }()
		client := dns.Conn{Conn: s.dial(t, 1, manyA)}
		for range 2 {
			if _, err := client.ReadMsg(); err != nil {
				t.Error(err)
			}
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		s.stop(t)
	})
}

// TestConnOf checks that the connection is found behind the writers of CoreDNS
// and plugins; where miekg/dns changes, it has to be found in another way.
func TestConnOf(t *testing.T) {
	t.Parallel()
	found := make(chan connection, 1)
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, req *dns.Msg) {
		found <- connOf(inChain(req, w))
		if err := w.WriteMsg(new(dns.Msg).SetReply(req)); err != nil {
			t.Error(err)
		}
	})
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	https := httptest.NewTLSServer(nil) // has a certificate
	defer https.Close()
	roots := x509.NewCertPool()
	roots.AddCert(https.Certificate())
	client := dns.Client{TLSConfig: &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12}, Timeout: deadline}
	for network, server := range map[string]*dns.Server{
		"udp":     {PacketConn: packets, Handler: handler},
		"tcp":     {Listener: listen(), Handler: handler},
		"tcp-tls": {Listener: tls.NewListener(listen(), &tls.Config{Certificates: https.TLS.Certificates, MinVersion: tls.VersionTLS12}), Handler: handler},
	} {
		addr := packets.LocalAddr()
		if server.Listener != nil {
			addr = server.Listener.Addr()
		}
		started, stopped := make(chan struct{}), make(chan error)
		server.NotifyStartedFunc = func() { close(started) }
		go func() { stopped <- server.ActivateAndServe() }()
		<-started
		client.Net = network
		conn, err := client.Dial(addr.String())
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := client.ExchangeWithConn(query(manyA), conn); err != nil {
			t.Fatal(err)
		}
		got := <-found
		if network == "udp" && got != nil || network != "udp" && (got == nil || got.(net.Conn).RemoteAddr().String() != conn.LocalAddr().String()) {
			t.Errorf("%s: found %v for the connection of %v", network, got, conn.LocalAddr())
		}
		if err := errors.Join(conn.Close(), server.Shutdown(), <-stopped); err != nil {
			t.Error(err)
		}
	}
	for _, w := range []dns.ResponseWriter{nil, &plugintest.ResponseWriter{}, &spy{}, request.NewScrubWriter(nil, nil)} {
		if conn := connOf(w); conn != nil {
			t.Errorf("%T: found %v", w, conn)
		}
	}
}

// TestTCPOtherErrors: what is wrong with a message is told.
func TestTCPOtherErrors(t *testing.T) {
	t.Parallel()
	r := servingRegistry(t, "roster", inState(storeOf(t, shop), mirror.Live))
	w := failing{&plugintest.ResponseWriter{TCP: true}}
	if _, err := r.ServeDNS(t.Context(), w, query("orders.default.svc.internal. A")); !errors.Is(err, dns.ErrRdata) {
		t.Errorf("error %v, want %v", err, dns.ErrRdata)
	}
}

type failing struct{ dns.ResponseWriter }

func (failing) WriteMsg(*dns.Msg) error { return dns.ErrRdata }

// TestTCPLimitsShared checks that the blocks of a Corefile have one bound, however
// many they are.
func TestTCPLimitsShared(t *testing.T) {
	endpoint := closedPort(t)
	block := "%s:0 {\n bind 127.0.0.1\n roster {\n endpoint " + endpoint + "\n startup_timeout 0s\n }\n}\n"
	handlers := startServer(t, fmt.Sprintf(block+block, "a.internal", "b.internal")).blocks().handlers
	if len(handlers) != 2 || handlers[0].tcp == nil || handlers[0].tcp != handlers[1].tcp {
		t.Errorf("the limits of %d blocks are not the same", len(handlers))
	}
}
