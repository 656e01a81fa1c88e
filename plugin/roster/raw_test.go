package roster

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"testing"

	"github.com/coredns/coredns/plugin/metrics"
	"github.com/coredns/coredns/plugin/pkg/dnstest"
	"github.com/coredns/coredns/plugin/pkg/nonwriter"
	plugintest "github.com/coredns/coredns/plugin/test"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// TestRawWriters checks past which writers octets go.
func TestRawWriters(t *testing.T) {
	t.Parallel()
	withWriter(t, query(manyA), func(_ context.Context, w dns.ResponseWriter, req *dns.Msg) {
		for name, tt := range map[string]struct {
			w    dns.ResponseWriter
			want bool
		}{
			"a plugin before":         {w, true},
			"the server's own":        {beneath(beneath(w)), true},
			"prometheus":              {metrics.NewRecorder(w), true},
			"prometheus and scrubbed": {request.NewScrubWriter(req, metrics.NewRecorder(w)), true},
			"log":                     {dnstest.NewRecorder(w), false},
			"behind log":              {metrics.NewRecorder(dnstest.NewRecorder(w)), false},
			"a look-up":               {nonwriter.New(w), false},
			"a look-up, scrubbed":     {request.NewScrubWriter(req, nonwriter.New(w)), false},
			"not a server's":          {&plugintest.ResponseWriter{}, false},
			"none":                    {nil, false},
			"nothing beneath":         {&request.ScrubWriter{}, false},
			"no structure":            {new(noStructure), false},
		} {
			if got := writesOctets(tt.w); got != tt.want {
				t.Errorf("%s: %v, want %v", name, got, tt.want)
			}
		}
	})
}

// noStructure is a writer of another program that has its methods elsewhere.
type noStructure func()

func (*noStructure) LocalAddr() net.Addr         { return &net.UDPAddr{} }
func (*noStructure) RemoteAddr() net.Addr        { return &net.UDPAddr{} }
func (*noStructure) WriteMsg(*dns.Msg) error     { return nil }
func (*noStructure) Write(b []byte) (int, error) { return len(b), nil }
func (*noStructure) Close() error                { return nil }
func (*noStructure) TsigStatus() error           { return nil }
func (*noStructure) TsigTimersOnly(bool)         {}
func (*noStructure) Hijack()                     {}

// decorator is before the socket, as that of the plugin shed.
type decorator struct {
	dns.Writer
	seen int
}

func (d *decorator) Write(b []byte) (int, error) {
	d.seen++
	return d.Writer.Write(b)
}

// TestRawDecorated: what is before the socket sees each answer.
func TestRawDecorated(t *testing.T) {
	t.Parallel()
	conn := newPacketPipe()
	seen := &decorator{}
	r := serving(t, "roster", many(10))
	server := &dns.Server{
		PacketConn: conn, DecorateWriter: func(w dns.Writer) dns.Writer { seen.Writer = w; return seen },
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, req *dns.Msg) {
			if writesOctets(w) {
				t.Error("goes past the decorator")
			}
			_, _ = r.ServeDNS(t.Context(), w, req)
		}),
	}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = server.ActivateAndServe() // ends with an error when its connection is closed
	}()
	wire, err := query(manyA).Pack()
	if err != nil {
		t.Fatal(err)
	}
	conn.queries <- wire
	<-conn.answers
	_ = conn.Close()
	<-stopped
	if seen.seen != 1 {
		t.Errorf("the decorator saw %d of one answer", seen.seen)
	}
}

// TestDatagrams checks which queries are answered without the server, and that their
// answers are those by way of it.
func TestDatagrams(t *testing.T) {
	t.Parallel()
	vs := many(40)
	vs["default/many/zz"] = `{"addresses":["2001:db8::1"],"ports":[{"name":"http","port":80}],"metadata":{"alpn":"h2"}}`
	vs["default/out/a"] = `{"host":"example.com"}`
	r := serving(t, "roster svc.internal 10.in-addr.arpa", vs)
	r.zones["svc.internal."].addInner([]string{"inner.svc.internal."})
	for question, want := range map[string]bool{
		manyA: true, manySRV: true, "MANY.Default.svc.internal. AAAA": true, "many.default.svc.internal. HTTPS": true, "many.default.svc.internal. SVCB": true,
		"many.default.svc.internal. TXT": false, "i00001.many.default.svc.internal. A": false, "nope.default.svc.internal. A": false,
		"svc.internal. SOA": false, "many.default.example.org. A": false, "out.default.svc.internal. A": false, "a.inner.svc.internal. A": false,
		`ma\046ny.default.svc.internal. A`: false, "1.0.0.10.in-addr.arpa. PTR": false, ". NS": false,
		"_nope._tcp.many.default.svc.internal. SRV": false, "nope._tag.many.default.svc.internal. A": false, "xsvc.internal. A": false,
	} {
		for _, edns := range []bool{false, true} {
			req := query(question)
			if edns {
				withEDNS(req, 1400, true)
				req.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_COOKIE{Code: dns.EDNS0COOKIE, Cookie: "0102030405060708"}}
			}
			if got := answerOf(t, r, req); (got != nil) != want {
				t.Errorf("%s, EDNS %v: answered %v, want %v", question, edns, got, want)
			}
		}
	}
}

// answerOf returns what answerDatagram makes of a query, compared with what ServeDNS
// writes; nil where it makes nothing.
func answerOf(t *testing.T, r *Roster, req *dns.Msg) *dns.Msg {
	t.Helper()
	wire, err := req.Pack()
	if err != nil {
		t.Fatal(err)
	}
	before := []byte("before")
	answer, ok := r.answerDatagram(bytes.Clone(before), wire, ownAddrs[0], r.counters.of("dns://:53"))
	rest, kept := bytes.CutPrefix(answer, before)
	if !ok || !kept {
		if !bytes.Equal(answer, before) {
			t.Errorf("%v: wrote into the buffer without an answer: %q", req.Question, answer)
		}
		return nil
	}
	got := new(dns.Msg)
	if err := got.Unpack(rest); err != nil {
		t.Fatal(err)
	}
	want := ask(t, r, req.Copy(), false)
	if got.MsgHdr != want.MsgHdr || len(got.Answer) != len(want.Answer) || len(got.Extra) != len(want.Extra) || got.Question[0] != req.Question[0] {
		t.Errorf("%v: got %v, want %v", req.Question, got, want)
	}
	return got
}

// TestDatagramsOdd: queries that are not plain are for the server.
func TestDatagramsOdd(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", many(10))
	plain := withEDNS(query(manyA), 1232, false)
	for name, change := range map[string]func(m *dns.Msg){
		"plain":          func(*dns.Msg) {},
		"AD":             func(m *dns.Msg) { m.AuthenticatedData = true },
		"CD":             func(m *dns.Msg) { m.CheckingDisabled = true },
		"without RD":     func(m *dns.Msg) { m.RecursionDesired = false },
		"response":       func(m *dns.Msg) { m.Response = true },
		"opcode":         func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify },
		"TC":             func(m *dns.Msg) { m.Truncated = true },
		"class":          func(m *dns.Msg) { m.Question[0].Qclass = dns.ClassCHAOS },
		"two questions":  func(m *dns.Msg) { m.Question = append(m.Question, m.Question[0]) },
		"no question":    func(m *dns.Msg) { m.Question = nil },
		"an answer":      func(m *dns.Msg) { m.Answer = []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeTXT}}} },
		"version":        func(m *dns.Msg) { m.IsEdns0().SetVersion(1) },
		"two OPT":        func(m *dns.Msg) { m.Extra = append(m.Extra, m.Extra[0]) },
		"another record": func(m *dns.Msg) { m.Extra = []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeA}}} },
		"TSIG":           func(m *dns.Msg) { m.Extra = nil; m.SetTsig("key.", dns.HmacSHA256, 300, 0) },
		"client subnet": func(m *dns.Msg) {
			m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_SUBNET{Code: dns.EDNS0SUBNET, Family: 1, SourceNetmask: 24, Address: net.IPv4(10, 0, 0, 0)}}
		},
	} {
		m := plain.Copy()
		change(m)
		want := name == "plain" || name == "AD" || name == "CD" || name == "without RD"
		if got := answerOf(t, r, m); (got != nil) != want {
			t.Errorf("%s: answered %v, want %v", name, got, want)
		}
	}
	wire, err := plain.Pack()
	if err != nil {
		t.Fatal(err)
	}
	count := r.counters.of("dns://:53")
	for n := range wire { // cut anywhere
		if _, ok := r.answerDatagram(nil, wire[:n], ownAddrs[0], count); ok {
			t.Errorf("answered %d octets of %d", n, len(wire))
		}
	}
	if _, ok := r.answerDatagram(nil, append(wire, 0), ownAddrs[0], count); ok {
		t.Error("answered a query with more behind it")
	}
}

// TestRawOrder is TestOrder of what goes out as octets.
func TestRawOrder(t *testing.T) {
	t.Parallel()
	const n, rounds = 10, 9000
	r := serving(t, "roster", many(n))
	count := r.counters.of("dns://:53")
	for _, question := range []string{manyA, manySRV} {
		wire, err := withEDNS(query(question), 1232, false).Pack()
		if err != nil {
			t.Fatal(err)
		}
		first, pairs := map[string]int{}, map[string]int{}
		for range rounds {
			answer, ok := r.answerDatagram(nil, wire, ownAddrs[0], count)
			got := new(dns.Msg)
			if err := got.Unpack(answer); err != nil || !ok || len(got.Answer) != n {
				t.Fatal(got, err, ok)
			}
			first[got.Answer[0].String()]++
			pairs[got.Answer[0].String()+got.Answer[1].String()]++
		}
		// Seven standard deviations, as in TestOrder.
		evenly(t, question+" first", first, n, rounds/n, 200)
		evenly(t, question+" first and second", pairs, n*(n-1), rounds/n/(n-1), 70)
	}
}

// FuzzDatagram compares what is answered of octets of any kind with what the server
// answers.
func FuzzDatagram(f *testing.F) {
	for _, wire := range oddQueries(f) {
		f.Add(wire)
	}
	r := serving(f, "roster svc.internal", many(10))
	count := r.counters.of("dns://:53")
	f.Fuzz(func(t *testing.T, wire []byte) {
		answer, ok := r.answerDatagram(nil, bytes.Clone(wire), ownAddrs[0], count)
		if !ok {
			return
		}
		req, got := new(dns.Msg), new(dns.Msg)
		if err := got.Unpack(answer); err != nil {
			t.Fatalf("the answer can't be read: %v\n%x", err, answer)
		}
		if err := req.Unpack(wire); err != nil {
			return // of an option, which plays no part
		}
		if req.Response || req.Opcode != dns.OpcodeQuery || malformed(req) || len(answer) > sizeTaken(wire, false) {
			t.Fatalf("answered %v\nby %v", req, got)
		}
		if got.Id != binary.BigEndian.Uint16(wire) || fmt.Sprint(got.Question) != fmt.Sprint(req.Question) {
			t.Errorf("the answer to %v is %v", req, got)
		}
		checkSound(t, got)
	})
}
