package roster

import (
	"bytes"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"
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
