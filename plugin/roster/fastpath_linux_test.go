package roster

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coredns/coredns/plugin/metrics/vars"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/rosterdns/roster/plugin/roster/internal/batchudp"
)

// askRaw asks a server by UDP and returns the answer as it came.
func askRaw(t *testing.T, address string, req *dns.Msg) []byte {
	t.Helper()
	packed, err := req.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return exchangeRaw(t, address, packed)
}

func exchangeRaw(t *testing.T, address string, packet []byte) []byte {
	t.Helper()
	c, err := net.Dial("udp", address) // takes answers from that address only
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(packet); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, dns.MaxMsgSize)
	n, err := c.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	return buf[:n]
}

// packets returns how many packets the fast path has answered and handed over at a
// port.
func packets(server string) (answered, handed float64) {
	return testutil.ToFloat64(fastPackets.WithLabelValues(server, "answered")), testutil.ToFloat64(fastPackets.WithLabelValues(server, "handed_over"))
}

const fastCorefile = `svc.internal:%[1]s {
	bind 127.0.0.1
	errors
	%[3]s
	roster {
		endpoint %[2]s
		%[4]s
	}
}
inner.svc.internal:%[1]s example.org:%[1]s {
	bind 127.0.0.1
	template IN A {
		answer "{{ .Name }} 60 IN A 192.0.2.77"
	}
}
`

// TestFastpathAnswers: what is asked for often is answered on the fast path, all else
// by the server, and each as without it.
func TestFastpathAnswers(t *testing.T) {
	endpoint := closedPort(t)
	plant(t, endpoint, shop)
	plain, fast := freePort(t), freePort(t)
	s := startServer(t, fmt.Sprintf(fastCorefile, plain, endpoint, "", "")+fmt.Sprintf(fastCorefile, fast, endpoint, "", "fastpath"))
	server := "dns://127.0.0.1:" + fast
	answered, handed := packets(server)
	for _, test := range []struct {
		question string
		fast     bool
	}{
		{"orders.default.svc.internal. A", true},
		{"ORDERS.default.Svc.internal. AAAA", true},
		{"_http._tcp.orders.default.svc.internal. SRV", true},
		{"orders.default.svc.internal. TXT", false},
		{"svc.internal. SOA", false},
		{"nope.default.svc.internal. A", false},
		{"x.inner.svc.internal. A", false},
		{"orders.example.org. A", false},
		{"other.example.com. A", false},
	} {
		for _, edns := range []uint16{0, 1232, 4096} {
			req := query(test.question)
			req.Id = 4711
			if edns > 0 {
				req.SetEdns0(edns, true)
			}
			want, got := askRaw(t, "127.0.0.1:"+plain, req), askRaw(t, "127.0.0.1:"+fast, req)
			if !sameButForOrder(t, got, want) {
				t.Errorf("%s with EDNS %d: got %v\nwant %v", test.question, edns, unpacked(t, got), unpacked(t, want))
			}
			nowAnswered, nowHanded := packets(server)
			if isFast := nowAnswered == answered+1 && nowHanded == handed; isFast != test.fast || !isFast && nowHanded != handed+1 {
				t.Errorf("%s with EDNS %d: %v answered, %v handed over", test.question, edns, nowAnswered-answered, nowHanded-handed)
			}
			answered, handed = nowAnswered, nowHanded
		}
	}
	if got := s.ask(t, "orders.default.svc.internal. A"); len(got.Answer) == 0 {
		t.Errorf("got %v", got)
	}
}

// sameButForOrder reports whether two messages are equal but for the order of the
// records in each section.
func sameButForOrder(t *testing.T, a, b []byte) bool {
	t.Helper()
	return bytes.Equal(a, b) || len(a) == len(b) && bytes.Equal(a[:12], b[:12]) && slices.Equal(sortedRecords(t, a), sortedRecords(t, b))
}

func sortedRecords(t *testing.T, message []byte) []string {
	t.Helper()
	m := unpacked(t, message)
	var all []string
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		var records []string
		for _, rr := range section {
			records = append(records, rr.String())
		}
		slices.Sort(records)
		all = append(all, records...)
	}
	return all
}

func unpacked(t *testing.T, message []byte) *dns.Msg {
	t.Helper()
	m := new(dns.Msg)
	if err := m.Unpack(message); err != nil {
		t.Fatalf("%x: %v", message, err)
	}
	return m
}

// TestFastpathOddPackets: what is no plain query is answered as without the fast path, to
// the octet, or as little.
func TestFastpathOddPackets(t *testing.T) {
	endpoint := closedPort(t)
	plant(t, endpoint, shop)
	plain, fast := freePort(t), freePort(t)
	startServer(t, fmt.Sprintf(fastCorefile, plain, endpoint, "", "")+fmt.Sprintf(fastCorefile, fast, endpoint, "", "fastpath"))
	good, err := query("orders.default.svc.internal. A").Pack()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(b []byte) []byte{
		"opcode UPDATE":   func(b []byte) []byte { b[2] = 5 << 3; return b },
		"opcode STATUS":   func(b []byte) []byte { b[2] = 2 << 3; return b },
		"opcode NOTIFY":   func(b []byte) []byte { b[2] = 4 << 3; return b },
		"no question":     func(b []byte) []byte { b[5] = 0; return b[:12] },
		"two questions":   func(b []byte) []byte { b[5] = 2; return append(b, b[12:]...) },
		"cut question":    func(b []byte) []byte { return b[:len(b)-1] },
		"octets behind":   func(b []byte) []byte { return append(b, 1, 2, 3) },
		"class CH":        func(b []byte) []byte { b[len(b)-1] = 3; return b },
		"compressed name": func(b []byte) []byte { return append(b[:12], 0xc0, 12, 0, 1, 0, 1) },
		"two records":     func(b []byte) []byte { b[11] = 3; return b },
		"longer than 512": func(b []byte) []byte { return append(b, make([]byte, 600)...) },
	} {
		t.Run(name, func(t *testing.T) {
			b := change(slices.Clone(good))
			want, got := exchangeRaw(t, "127.0.0.1:"+plain, b), exchangeRaw(t, "127.0.0.1:"+fast, b)
			if !sameButForOrder(t, got, want) {
				t.Errorf("got %x, want %x", got, want)
			}
		})
	}
	// These have no answer: the one after them is the first.
	c, err := net.Dial("udp", "127.0.0.1:"+fast)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(deadline)); err != nil {
		t.Fatal(err)
	}
	response := slices.Clone(good)
	response[2] |= 0x80
	for _, b := range [][]byte{{}, good[:11], response, good} {
		if _, err := c.Write(b); err != nil {
			t.Fatal(err)
		}
	}
	buf := make([]byte, dns.MinMsgSize)
	if n, err := c.Read(buf); err != nil || len(unpacked(t, buf[:n]).Answer) == 0 {
		t.Errorf("%x, error %v", buf[:n], err)
	}
}

// TestFastpathAddress: where the server listens on all addresses, answers come from the
// one that was asked, and TCP is as ever.
func TestFastpathAddress(t *testing.T) {
	endpoint := closedPort(t)
	plant(t, endpoint, shop)
	port := freePort(t)
	startServer(t, fmt.Sprintf("svc.internal:%s {\n roster {\n endpoint %s\n fastpath\n}\n}\n", port, endpoint))
	before, handed := packets("dns://:" + port)
	for _, host := range []string{"127.0.0.1", "127.0.0.2", "127.3.2.1"} {
		for _, question := range []string{"orders.default.svc.internal. A", "svc.internal. SOA"} {
			if got := unpacked(t, askRaw(t, net.JoinHostPort(host, port), query(question))); len(got.Answer) == 0 {
				t.Errorf("%s at %s: %v", question, host, got)
			}
		}
	}
	if answered, nowHanded := packets("dns://:" + port); answered-before != 3 || nowHanded-handed != 3 {
		t.Errorf("%v answered, %v handed over", answered-before, nowHanded-handed)
	}
	c := dns.Client{Net: "tcp", Timeout: deadline}
	if got, _, err := c.Exchange(query("orders.default.svc.internal. A"), net.JoinHostPort("127.0.0.2", port)); err != nil || len(got.Answer) == 0 {
		t.Errorf("TCP: %v, error %v", got, err)
	}
}

// TestFastpathMetrics: the plugin prometheus counts the same with the fast path and
// without.
func TestFastpathMetrics(t *testing.T) {
	endpoint := closedPort(t)
	plant(t, endpoint, shop)
	plain, fast := freePort(t), freePort(t)
	prom := "prometheus " + freeAddress(t)
	startServer(t, fmt.Sprintf(fastCorefile, plain, endpoint, prom, "")+fmt.Sprintf(fastCorefile, fast, endpoint, prom, "fastpath"))
	for _, port := range []string{plain, fast} {
		for _, question := range []string{
			"orders.default.svc.internal. A", "orders.default.svc.internal. A", "Orders.default.SVC.internal. AAAA",
			"_http._tcp.orders.default.svc.internal. SRV", "svc.internal. SOA", "nope.default.svc.internal. A",
		} {
			for _, do := range []bool{false, true} {
				req := query(question)
				if do {
					req.SetEdns0(1232, true)
				}
				askRaw(t, "127.0.0.1:"+port, req)
			}
		}
	}
	if answered, _ := packets("dns://127.0.0.1:" + fast); answered != 8 {
		t.Errorf("%v answered on the fast path, want 8", answered)
	}
	// The plugin counts once an answer is written.
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(deadline / 4)
	for {
		want, got := series(t, "dns://127.0.0.1:"+plain), series(t, "dns://127.0.0.1:"+fast)
		if len(want) >= 8 && slices.Equal(got, want) {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// series returns the series of CoreDNS and roster that have a server, without it,
// without those of the fast path alone, and without times.
func series(t *testing.T, server string) []string {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range families {
		if f.GetName() == "coredns_roster_fastpath_packets_total" || f.GetName() == "coredns_plugin_enabled" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels, of := f.GetName(), false
			for _, l := range m.GetLabel() {
				if l.GetName() == "server" {
					of = l.GetValue() == server
					continue
				}
				labels += fmt.Sprintf(" %s=%q", l.GetName(), l.GetValue())
			}
			if !of {
				continue
			}
			value := fmt.Sprint(m.GetCounter().GetValue(), " ", m.GetHistogram().GetSampleCount())
			if !strings.Contains(f.GetName(), "duration") {
				value += fmt.Sprint(" ", m.GetHistogram().GetSampleSum())
			}
			all = append(all, labels+" "+value)
		}
	}
	slices.Sort(all)
	return all
}

// TestFastpathReload: reloads take no answer away from clients who ask all the time, with
// the fast path or without in the Corefile that is loaded.
func TestFastpathReload(t *testing.T) {
	endpoint := closedPort(t)
	plant(t, endpoint, shop)
	port := freePort(t)
	server := "dns://127.0.0.1:" + port
	s := startServer(t, fmt.Sprintf(fastCorefile, port, endpoint, "", "fastpath"))
	taken := takenPort(t)
	load := startLoad(t, "127.0.0.1:"+port)
	for i := range 10 {
		answered, _ := packets(server)
		corefile := fmt.Sprintf(fastCorefile, port, endpoint, "", "fastpath\nttl "+fmt.Sprint(10+i))
		bad := ""
		switch i % 4 {
		case 2: // turned down
			bad = "example.net:0 {\n roster {\n fastpath\n}\n}\n"
		case 3: // fails when the new listeners are open
			bad = fmt.Sprintf("example.net:%s {\n bind 127.0.0.1\n whoami\n}\n", taken)
		}
		if err := s.reload(t, corefile+bad); (err != nil) != (bad != "") {
			t.Fatalf("reload %d: error %v", i, err)
		}
		load.await(t, 200)
		if now, _ := packets(server); now == answered {
			t.Errorf("reload %d: the fast path answers no more", i)
		}
	}
	load.stop(t)
}

// TestFastpathToggle: a reload begins and ends the fast path.
func TestFastpathToggle(t *testing.T) {
	endpoint := closedPort(t)
	plant(t, endpoint, shop)
	port := freePort(t)
	server := "dns://127.0.0.1:" + port
	s := startServer(t, fmt.Sprintf(fastCorefile, port, endpoint, "", ""))
	taken := takenPort(t)
	for i := range 6 {
		property := ""
		if i%2 == 0 {
			property = "fastpath"
		}
		corefile := fmt.Sprintf(fastCorefile, port, endpoint, "", property)
		if err := s.reload(t, corefile+fmt.Sprintf("example.net:%s {\n bind 127.0.0.1\n whoami\n}\n", taken)); err == nil {
			t.Fatal("a port that is taken is no error")
		}
		if err := s.reload(t, corefile); err != nil {
			t.Fatal(err)
		}
		before, _ := packets(server)
		const count = 20
		for range count {
			askRaw(t, "127.0.0.1:"+port, query("orders.default.svc.internal. A"))
		}
		now, _ := packets(server)
		if want := float64(count * ((i + 1) % 2)); now-before != want {
			t.Errorf("reload %d: %v answers on the fast path, want %v", i, now-before, want)
		}
	}
}

// takenPort returns a port of 127.0.0.1 at which nobody else can listen.
func takenPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// load asks all the time, each question once.
type load struct {
	cancel  context.CancelFunc
	clients sync.WaitGroup
	mu      sync.Mutex
	changed *sync.Cond
	answers int
	lost    []string
}

// startLoad starts clients that ask what is answered on the fast path and what is
// not.
func startLoad(t *testing.T, address string) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{cancel: cancel}
	l.changed = sync.NewCond(&l.mu)
	for _, question := range []string{"orders.default.svc.internal. A", "_http._tcp.orders.default.svc.internal. SRV", "svc.internal. SOA", "a.example.org. A"} {
		l.clients.Go(func() {
			for ctx.Err() == nil {
				c := dns.Client{Timeout: deadline / 4}
				got, _, err := c.Exchange(query(question), address)
				l.mu.Lock()
				l.answers++
				if err != nil || len(got.Answer) == 0 {
					l.lost = append(l.lost, fmt.Sprintf("%s: %v, error %v", question, got, err))
				}
				l.changed.Broadcast()
				l.mu.Unlock()
			}
		})
	}
	t.Cleanup(l.clients.Wait)
	t.Cleanup(cancel)
	return l
}

// await waits for more answers.
func (l *load) await(t *testing.T, more int) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for end := l.answers + more; l.answers < end; {
		l.changed.Wait()
	}
}

func (l *load) stop(t *testing.T) {
	t.Helper()
	l.cancel()
	l.clients.Wait()
	for _, lost := range l.lost {
		t.Error(lost)
	}
	t.Logf("%d answers", l.answers)
}

// TestFastpathAllowed: these need not see what the fast path answers, or don't come
// before it.
func TestFastpathAllowed(t *testing.T) {
	endpoint := closedPort(t)
	plant(t, endpoint, shop)
	port := freePort(t)
	s := startServer(t, fmt.Sprintf(`.:%[1]s example.net:%[1]s {
	bind 127.0.0.1
	any
	bufsize 1232
	cache
	cancel
	chaos
	errors
	metadata
	prometheus %[3]s
	transfer {
		to *
	}
	roster svc.internal {
		endpoint %[2]s
		ns ns1.example.org
		fastpath
	}
	whoami
}
example.org:%[1]s {
	bind 127.0.0.1
	log
	loadbalance
	template IN A {
		rcode NXDOMAIN
	}
}
`, port, endpoint, freeAddress(t)))
	if got := s.ask(t, "orders.default.svc.internal. A"); len(got.Answer) == 0 {
		t.Errorf("got %v", got)
	}
	answered, _ := packets("dns://127.0.0.1:" + port)
	if answered != 1 {
		t.Errorf("%v answered on the fast path", answered)
	}
}

// answering returns a handler of packets for a registry, with the counts of the plugin
// prometheus or without.
func answering(tb testing.TB, vs values, counted bool) *fastHandler {
	tb.Helper()
	r := serving(tb, "roster", vs)
	o := &fastOrigin{handler: r, count: r.counters.of("dns://:53")}
	if counted {
		o.report = newReport("dns://:53", r.origins[0], "errors")
	}
	f := &fastHandler{answered: fastPackets.WithLabelValues("dns://:53", "answered")}
	f.origins.set(r.origins[0], o)
	return f
}

// hotPacket returns a packet with a query that the handler answers, once it is packed.
func hotPacket(tb testing.TB, f *fastHandler, buf []byte, question string, edns bool) *batchudp.Packet {
	tb.Helper()
	req := query(question)
	if edns {
		req.SetEdns0(1232, true)
	}
	packed, err := req.Pack()
	if err != nil {
		tb.Fatal(err)
	}
	p := &batchudp.Packet{Data: packed}
	for range packedAfter {
		if answer, ok := f.Answer(p, buf); ok && len(answer) > len(packed) {
			return p
		}
	}
	tb.Fatalf("%s is not answered", question)
	return nil
}

// BenchmarkFastpath measures an answer, from the packet to the packet.
func BenchmarkFastpath(b *testing.B) {
	buf := make([]byte, 0, dns.DefaultMsgSize)
	for _, counted := range []bool{false, true} {
		f := answering(b, many(10), counted)
		for _, question := range []string{manyA, manySRV} {
			for _, edns := range []bool{false, true} {
				p := hotPacket(b, f, buf, question, edns)
				b.Run(fmt.Sprintf("%s/edns=%v/prometheus=%v", strings.Fields(question)[1], edns, counted), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						f.Answer(p, buf)
					}
				})
			}
		}
	}
}

// TestFastpathPanic: a packet for which something is wrong in roster is handed over.
func TestFastpathPanic(t *testing.T) {
	log := logged(t)
	f := &fastHandler{}
	f.origins.set("svc.internal.", &fastOrigin{}) // without a handler
	packed, err := query("orders.default.svc.internal. A").Pack()
	if err != nil {
		t.Fatal(err)
	}
	before := testutil.ToFloat64(vars.Panic)
	if answer, ok := f.Answer(&batchudp.Packet{Data: packed}, nil); ok || answer != nil {
		t.Errorf("%x, %v", answer, ok)
	}
	if n := testutil.ToFloat64(vars.Panic) - before; n != 1 || len(lines(log, "[ERROR] plugin/roster: recovered from a panic in fastpath")) != 1 {
		t.Errorf("%v panics are counted; logged\n%s", n, log)
	}
}
