package roster

import (
	"bytes"
	"context"
	"encoding/binary"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/plugin/roster/internal/batchudp"
)

// FuzzWire sends octets of any kind to a server, and checks that each query gets an
// answer that its client can take, with records of the zone and of hosts only, and on
// the fast path the same one.
func FuzzWire(f *testing.F) {
	for _, wire := range oddQueries(f) {
		f.Add(wire, false)
		f.Add(wire, true)
	}
	all := maps.Clone(shop)
	maps.Copy(all, outside)
	maps.Copy(all, many(100))
	r := serving(f, "roster svc.internal", all)
	soa := records(f, []string{foreignZone + " 60 IN SOA ns.example.com. root.example.com. 1 2 3 4 5"})
	r.upstream = resolver(func(name string, qtype uint16) (*dns.Msg, error) {
		if qtype != dns.TypeA {
			return &dns.Msg{Ns: soa}, nil
		}
		h := dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}
		return &dns.Msg{Answer: []dns.RR{&dns.A{Hdr: h, A: net.IPv4(192, 0, 2, 1)}}}, nil
	})
	network := serveInMemory(f, r)
	fast := &fastHandler{answered: fastPackets.WithLabelValues("dns://fuzzed", "answered")}
	fast.origins.set(r.origins[0], &fastOrigin{handler: r, count: r.counters.of("dns://fuzzed")})
	f.Fuzz(func(t *testing.T, wire []byte, tcp bool) {
		if len(wire) < messageHeader || len(wire) > dns.MaxMsgSize || wire[2]&0x80 != 0 {
			return // no query: it gets no answer
		}
		got := network.ask(t, wire, tcp)
		m := new(dns.Msg)
		if err := m.Unpack(got); err != nil {
			t.Fatalf("the answer can't be read: %v\n%x", err, got)
		}
		if !m.Response || m.Id != binary.BigEndian.Uint16(wire) {
			t.Errorf("not an answer to the query: %v", m)
		}
		if limit := sizeTaken(wire, tcp); len(got) > limit {
			t.Errorf("the answer has %d octets, the client takes %d", len(got), limit)
		}
		checkOwners(t, m)
		if tcp {
			return
		}
		if octets, ok := fast.Answer(&batchudp.Packet{Data: wire, Cut: len(wire) > batchudp.PacketSize}, nil); ok {
			if limit := sizeTaken(wire, tcp); len(octets) > limit {
				t.Errorf("the fast path answers %d octets, the client takes %d", len(octets), limit)
			}
			req := new(dns.Msg)
			if err := req.Unpack(wire); err != nil {
				t.Fatalf("the fast path answers what can't be read: %v", err)
			}
			compareOctets(t, r, r.replica.Load(), req, octets, m)
		}
	})
}

// messageHeader is the size of a message's header (RFC 1035, 4.1.1).
const messageHeader = 12

// foreignZone is the zone of the hosts outside.
const foreignZone = "example.com."

// oddQueries are queries as clients send them, and as none should.
func oddQueries(tb testing.TB) [][]byte {
	tb.Helper()
	var out [][]byte
	for _, question := range []string{
		manyA, "orders.default.svc.internal. SRV", "_http._tcp.orders.default.svc.internal. SRV", "db.default.svc.internal. A",
		"db.default.svc.internal. AAAA", "nope.svc.internal. A", "svc.internal. SOA", "www.example.org. A", "_status.svc.internal. TXT",
		strings.Repeat("x.", 115) + "svc.internal. A", strings.Repeat("_tag.", 40) + "default.svc.internal. A",
	} {
		for _, req := range []*dns.Msg{query(question), withEDNS(query(question), 1232, true)} {
			wire, err := req.Pack()
			if err != nil {
				tb.Fatal(err)
			}
			out = append(out, wire)
		}
	}
	header := []byte{0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	tail := []byte{0, 1, 0, 1}
	return append(out,
		header, // nothing follows
		slices.Concat(header, []byte{0xc0, messageHeader}, tail),                          // a name that points to itself
		slices.Concat(header, []byte{0xc0, messageHeader + 2, 0xc0, messageHeader}, tail), // two that point at each other
		slices.Concat(header, []byte{1, 'a', 0xc0, messageHeader}, tail),                  // a label, over and over
		slices.Concat(header, []byte{0xff, 0xff}, tail),                                   // beyond the end
		slices.Concat(header, bytes.Repeat([]byte{1, 'a'}, 200), []byte{0}, tail),         // more than 255 octets
		slices.Concat(header, []byte{63}, bytes.Repeat([]byte{'.'}, 63), []byte{0}, tail), // dots in a label
		slices.Concat(header[:4], bytes.Repeat([]byte{0xff}, 8)),                          // 65,535 of everything
	)
}

// sizeTaken returns how many octets the client takes that sent a query.
func sizeTaken(wire []byte, tcp bool) int {
	if tcp {
		return dns.MaxMsgSize
	}
	size := dns.MinMsgSize
	if m := new(dns.Msg); m.Unpack(wire) == nil {
		if opt := m.IsEdns0(); opt != nil {
			size = max(size, int(opt.UDPSize()))
		}
	}
	return size
}

// checkOwners checks that the records of an answer are the zone's, but for those
// that an alias leads to, and the SOA record of their zone.
func checkOwners(t *testing.T, m *dns.Msg) {
	t.Helper()
	aliases := map[string]bool{}
	for _, rr := range slices.Concat(m.Answer, m.Ns, m.Extra) {
		h := rr.Header()
		owner := strings.ToLower(h.Name)
		if h.Rrtype == dns.TypeOPT || dns.IsSubDomain("svc.internal.", owner) || aliases[owner] {
			if alias, is := rr.(*dns.CNAME); is {
				aliases[strings.ToLower(alias.Target)] = true
			}
			continue
		}
		if h.Rrtype != dns.TypeSOA || owner != foreignZone || len(aliases) == 0 {
			t.Errorf("%v is not of the zone, nor of a host: %v", rr, m)
		}
	}
}

// memoryNetwork leads to a server over connections in memory.
type memoryNetwork struct {
	packets *packetPipe
	conns   *connPipe
}

// serveInMemory starts a CoreDNS with one handler for svc.internal., as it is behind
// sockets, but that a panic ends the process. It stops at the end of the test.
func serveInMemory(tb testing.TB, h plugin.Handler) *memoryNetwork {
	tb.Helper()
	s, err := dnsserver.NewServer("dns://svc.internal.:53", []*dnsserver.Config{{
		Zone: "svc.internal.", Debug: true, Plugin: []plugin.Plugin{func(plugin.Handler) plugin.Handler { return h }},
	}})
	if err != nil {
		tb.Fatal(err)
	}
	clog.D.Clear() // no more than the panics is wanted
	n := &memoryNetwork{newPacketPipe(), newConnPipe()}
	handler := dns.HandlerFunc(func(w dns.ResponseWriter, req *dns.Msg) {
		s.ServeDNS(context.WithValue(context.Background(), dnsserver.Key{}, s), w, req)
	})
	var servers sync.WaitGroup
	for _, server := range []*dns.Server{{PacketConn: n.packets, Handler: handler}, {Listener: n.conns, Handler: handler}} {
		servers.Go(func() { _ = server.ActivateAndServe() }) // ends with an error when its connection is closed
	}
	tb.Cleanup(func() {
		_ = n.packets.Close()
		_ = n.conns.Close()
		servers.Wait()
	})
	return n
}

// ask sends a query and returns the answer.
func (n *memoryNetwork) ask(t *testing.T, wire []byte, tcp bool) []byte {
	t.Helper()
	if !tcp {
		n.packets.queries <- wire
		return <-n.packets.answers
	}
	conn := &dns.Conn{Conn: n.conns.dial()}
	defer conn.Close()
	if _, err := conn.Write(wire); err != nil {
		t.Fatal(err)
	}
	got, err := conn.ReadMsgHeader(nil)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// packetPipe is a net.PacketConn in memory, for one client.
type packetPipe struct {
	queries, answers chan []byte
	closed           chan struct{}
	close            func()
}

func newPacketPipe() *packetPipe {
	p := &packetPipe{queries: make(chan []byte), answers: make(chan []byte), closed: make(chan struct{})}
	p.close = sync.OnceFunc(func() { close(p.closed) })
	return p
}

// memoryIP is where the client and the server are.
var memoryIP = net.IPv4(127, 0, 0, 1)

func (p *packetPipe) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case query := <-p.queries:
		return copy(b, query), &net.UDPAddr{IP: memoryIP, Port: 4053}, nil
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

func (p *packetPipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	select {
	case p.answers <- bytes.Clone(b):
		return len(b), nil
	case <-p.closed:
		return 0, net.ErrClosed
	}
}

func (p *packetPipe) Close() error                     { p.close(); return nil }
func (p *packetPipe) LocalAddr() net.Addr              { return &net.UDPAddr{IP: memoryIP, Port: 53} }
func (p *packetPipe) SetDeadline(time.Time) error      { return nil }
func (p *packetPipe) SetReadDeadline(time.Time) error  { return nil }
func (p *packetPipe) SetWriteDeadline(time.Time) error { return nil }

// connPipe is a net.Listener in memory.
type connPipe struct {
	conns  chan net.Conn
	closed chan struct{}
	close  func()
}

func newConnPipe() *connPipe {
	p := &connPipe{conns: make(chan net.Conn), closed: make(chan struct{})}
	p.close = sync.OnceFunc(func() { close(p.closed) })
	return p
}

// dial returns the client's end of a connection.
func (p *connPipe) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- streamEnd{server}
	return streamEnd{client}
}

func (p *connPipe) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *connPipe) Close() error   { p.close(); return nil }
func (p *connPipe) Addr() net.Addr { return streamEnd{}.LocalAddr() }

// streamEnd is an end of a pipe that looks like TCP.
type streamEnd struct{ net.Conn }

func (streamEnd) LocalAddr() net.Addr  { return &net.TCPAddr{IP: memoryIP, Port: 53} }
func (streamEnd) RemoteAddr() net.Addr { return &net.TCPAddr{IP: memoryIP, Port: 4053} }
