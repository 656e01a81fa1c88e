package roster

import (
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// shop is a registry with one service for each thing that answers depend on.
var shop = values{
	"default/orders/a": `{"addresses":["10.0.0.1","2001:db8::1"],"ports":[{"name":"http","port":8080},{"name":"metrics","port":9090}],"weight":10,"metadata":{"version":"1.2","az":"1"}}`,
	"default/orders/b": `{"addresses":["10.0.0.2"],"ports":[{"name":"http","port":8080}],"ttl":2}`,
	"default/orders/c": `{"addresses":["10.0.0.3","2001:db8::3"],"ports":[{"name":"http","port":8081}],"priority":10}`,
	"default/orders/d": `{"addresses":["10.0.0.4"],"ports":[{"name":"http","port":8080},{"name":"admin","port":7000}],"status":"draining"}`,
	"default/orders/e": `{"addresses":["10.0.0.5"],"ports":[{"name":"http","port":8080}],"status":"down"}`,
	// Nothing up.
	"default/idle/a": `{"addresses":["10.1.0.1"],"ports":[{"name":"http","port":80}],"status":"draining"}`,
	"default/idle/b": `{"host":"idle.example.com","ports":[{"name":"http","port":80}],"status":"down"}`,
	// UDP, and a port without a name.
	"default/game/a": `{"addresses":["10.2.0.1"],"ports":[{"name":"game","port":27015,"protocol":"udp"},{"port":27016,"protocol":"udp"}]}`,
	// One port under two names, and over two protocols.
	"default/multi/a": `{"addresses":["10.3.0.1"],"ports":[{"name":"grpc","port":9000},{"name":"grpc-web","port":9000},{"name":"dns","port":53},{"name":"dns","port":53,"protocol":"udp"}]}`,
	// Addresses that occur more than once.
	"default/twins/a": `{"addresses":["10.4.0.1","10.4.0.1","2001:db8:4::1"],"ports":[{"name":"http","port":80}]}`,
	"default/twins/b": `{"addresses":["10.4.0.1","10.4.0.2"],"ports":[{"name":"http","port":80}]}`,
	// One family, and families of different priority.
	"default/six/a":    `{"addresses":["2001:db8:6::1"]}`,
	"default/tiers/a":  `{"addresses":["10.7.0.1"],"priority":3}`,
	"default/tiers/b":  `{"addresses":["2001:db8:7::2"],"priority":4}`,
	"default/tiers/c":  `{"host":"tiers.example.com","priority":1}`,
	"default/tiers/d":  `{"addresses":["2001:db8:7::4"],"priority":0,"status":"draining"}`,
	"default/ties/a":   `{"addresses":["10.8.0.1"],"priority":3}`,
	"default/ties/b":   `{"addresses":["2001:db8:8::2"],"priority":3}`,
	"default/weight/a": `{"addresses":["10.9.0.1"],"ports":[{"name":"http","port":80}],"weight":65535,"priority":65535}`,
	"default/weight/b": `{"addresses":["10.9.0.2"],"ports":[{"name":"http","port":80}],"weight":0}`,
	// Another namespace with a service of the same name.
	"team-b/orders/x": `{"addresses":["10.10.0.1"],"ports":[{"name":"http","port":1}]}`,
	// Labels that look like something else.
	"tcp/udp/80": `{"addresses":["10.11.0.1"],"ports":[{"name":"a80","port":80}]}`,
}

// TestServiceAnswers has each type at the names of services. A question for CNAME finds a name
// that exists: NXDOMAIN, as by CoreDNS's plugin etcd, denied its addresses too (coredns#2849).
// SRV has priorities, which Consul lacks (consul#23728).
func TestServiceAnswers(t *testing.T) {
	t.Parallel()
	runAll(t, serving(t, "roster", shop), []dnsCase{
		// S.N.Z
		{question: "orders.default.svc.internal. A", answer: []string{
			"orders.default.svc.internal. 2 IN A 10.0.0.1",
			"orders.default.svc.internal. 2 IN A 10.0.0.2",
		}},
		{question: "orders.default.svc.internal. AAAA", answer: []string{"orders.default.svc.internal. 5 IN AAAA 2001:db8::1"}},
		{question: "orders.default.svc.internal. SRV", answer: []string{
			"orders.default.svc.internal. 2 IN SRV 0 10 8080 a.orders.default.svc.internal.",
			"orders.default.svc.internal. 2 IN SRV 0 10 9090 a.orders.default.svc.internal.",
			"orders.default.svc.internal. 2 IN SRV 0 100 8080 b.orders.default.svc.internal.",
			"orders.default.svc.internal. 2 IN SRV 10 100 8081 c.orders.default.svc.internal.",
		}, extra: []string{
			"a.orders.default.svc.internal. 5 IN A 10.0.0.1",
			"a.orders.default.svc.internal. 5 IN AAAA 2001:db8::1",
			"b.orders.default.svc.internal. 2 IN A 10.0.0.2",
			"c.orders.default.svc.internal. 5 IN A 10.0.0.3",
			"c.orders.default.svc.internal. 5 IN AAAA 2001:db8::3",
		}},
		{question: "orders.default.svc.internal. ANY", answer: []string{`orders.default.svc.internal. 5 IN HINFO "RFC8482" ""`}},
		{question: "orders.default.svc.internal. TXT"},
		{question: "orders.default.svc.internal. CNAME"},
		{question: "orders.default.svc.internal. NS"},
		{question: "orders.default.svc.internal. SOA"},
		{question: "orders.default.svc.internal. MX"},
		{question: "orders.default.svc.internal. PTR"},
		{question: "orders.default.svc.internal. HTTPS"},
		{question: "orders.default.svc.internal. DS"},
		{question: "orders.team-b.svc.internal. A", answer: []string{"orders.team-b.svc.internal. 5 IN A 10.10.0.1"}},
		{question: "six.default.svc.internal. A"},
		{question: "six.default.svc.internal. AAAA", answer: []string{"six.default.svc.internal. 5 IN AAAA 2001:db8:6::1"}},
		{question: "six.default.svc.internal. SRV"},
		{question: "six.default.svc.internal. ANY", answer: []string{`six.default.svc.internal. 5 IN HINFO "RFC8482" ""`}},
		// Priority counts for A and AAAA together, and only that of instances
		// that are up and have addresses.
		{question: "tiers.default.svc.internal. A", answer: []string{"tiers.default.svc.internal. 5 IN A 10.7.0.1"}},
		{question: "tiers.default.svc.internal. AAAA"},
		{question: "ties.default.svc.internal. A", answer: []string{"ties.default.svc.internal. 5 IN A 10.8.0.1"}},
		{question: "ties.default.svc.internal. AAAA", answer: []string{"ties.default.svc.internal. 5 IN AAAA 2001:db8:8::2"}},
		// Each record once.
		{question: "twins.default.svc.internal. A", answer: []string{
			"twins.default.svc.internal. 5 IN A 10.4.0.1",
			"twins.default.svc.internal. 5 IN A 10.4.0.2",
		}},
		{question: "twins.default.svc.internal. SRV", answer: []string{
			"twins.default.svc.internal. 5 IN SRV 0 100 80 a.twins.default.svc.internal.",
			"twins.default.svc.internal. 5 IN SRV 0 100 80 b.twins.default.svc.internal.",
		}, extra: []string{
			"a.twins.default.svc.internal. 5 IN A 10.4.0.1",
			"a.twins.default.svc.internal. 5 IN AAAA 2001:db8:4::1",
			"b.twins.default.svc.internal. 5 IN A 10.4.0.1",
			"b.twins.default.svc.internal. 5 IN A 10.4.0.2",
		}},
		{question: "multi.default.svc.internal. SRV", answer: []string{
			"multi.default.svc.internal. 5 IN SRV 0 100 53 a.multi.default.svc.internal.",
			"multi.default.svc.internal. 5 IN SRV 0 100 9000 a.multi.default.svc.internal.",
		}, extra: []string{"a.multi.default.svc.internal. 5 IN A 10.3.0.1"}},
		// Weight 0 stands for the default, never for none.
		{question: "weight.default.svc.internal. SRV", answer: []string{
			"weight.default.svc.internal. 5 IN SRV 65535 65535 80 a.weight.default.svc.internal.",
			"weight.default.svc.internal. 5 IN SRV 0 100 80 b.weight.default.svc.internal.",
		}, extra: []string{
			"a.weight.default.svc.internal. 5 IN A 10.9.0.1",
			"b.weight.default.svc.internal. 5 IN A 10.9.0.2",
		}},
		{question: "udp.tcp.svc.internal. A", answer: []string{"udp.tcp.svc.internal. 5 IN A 10.11.0.1"}},
		{question: "80.udp.tcp.svc.internal. A", answer: []string{"80.udp.tcp.svc.internal. 5 IN A 10.11.0.1"}},
	})
}

func TestPortAnswers(t *testing.T) {
	t.Parallel()
	http := []string{
		"_http._tcp.orders.default.svc.internal. 2 IN SRV 0 10 8080 a.orders.default.svc.internal.",
		"_http._tcp.orders.default.svc.internal. 2 IN SRV 0 100 8080 b.orders.default.svc.internal.",
		"_http._tcp.orders.default.svc.internal. 2 IN SRV 10 100 8081 c.orders.default.svc.internal.",
	}
	a := []string{"a.orders.default.svc.internal. 5 IN A 10.0.0.1", "a.orders.default.svc.internal. 5 IN AAAA 2001:db8::1"}
	b := []string{"b.orders.default.svc.internal. 2 IN A 10.0.0.2"}
	c := []string{"c.orders.default.svc.internal. 5 IN A 10.0.0.3", "c.orders.default.svc.internal. 5 IN AAAA 2001:db8::3"}
	runAll(t, serving(t, "roster", shop), []dnsCase{
		{question: "_http._tcp.orders.default.svc.internal. SRV", answer: http, extra: append(append(append([]string{}, a...), b...), c...)},
		{question: "_metrics._tcp.orders.default.svc.internal. SRV", answer: []string{
			"_metrics._tcp.orders.default.svc.internal. 5 IN SRV 0 10 9090 a.orders.default.svc.internal.",
		}, extra: a},
		{question: "_8080._tcp.orders.default.svc.internal. SRV", answer: []string{
			"_8080._tcp.orders.default.svc.internal. 2 IN SRV 0 10 8080 a.orders.default.svc.internal.",
			"_8080._tcp.orders.default.svc.internal. 2 IN SRV 0 100 8080 b.orders.default.svc.internal.",
		}, extra: append(append([]string{}, a...), b...)},
		{question: "_game._udp.game.default.svc.internal. SRV", answer: []string{
			"_game._udp.game.default.svc.internal. 5 IN SRV 0 100 27015 a.game.default.svc.internal.",
		}, extra: []string{"a.game.default.svc.internal. 5 IN A 10.2.0.1"}},
		{question: "_27016._udp.game.default.svc.internal. SRV", answer: []string{
			"_27016._udp.game.default.svc.internal. 5 IN SRV 0 100 27016 a.game.default.svc.internal.",
		}, extra: []string{"a.game.default.svc.internal. 5 IN A 10.2.0.1"}},
		{question: "_9000._tcp.multi.default.svc.internal. SRV", answer: []string{
			"_9000._tcp.multi.default.svc.internal. 5 IN SRV 0 100 9000 a.multi.default.svc.internal.",
		}, extra: []string{"a.multi.default.svc.internal. 5 IN A 10.3.0.1"}},
		{question: "_dns._udp.multi.default.svc.internal. SRV", answer: []string{
			"_dns._udp.multi.default.svc.internal. 5 IN SRV 0 100 53 a.multi.default.svc.internal.",
		}, extra: []string{"a.multi.default.svc.internal. 5 IN A 10.3.0.1"}},
		{question: "_http._tcp.orders.default.svc.internal. A"},
		{question: "_http._tcp.orders.default.svc.internal. AAAA"},
		{question: "_http._tcp.orders.default.svc.internal. TXT"},
		{question: "_http._tcp.orders.default.svc.internal. CNAME"},
		{question: "_http._tcp.orders.default.svc.internal. ANY", answer: []string{`_http._tcp.orders.default.svc.internal. 5 IN HINFO "RFC8482" ""`}},
		// Only instances that are not up have the port.
		{question: "_admin._tcp.orders.default.svc.internal. SRV"},
		{question: "_admin._tcp.orders.default.svc.internal. ANY"},
		{question: "_7000._tcp.orders.default.svc.internal. SRV"},
		{question: "_http._tcp.idle.default.svc.internal. SRV"},
		// Nobody has it.
		{question: "_http._udp.orders.default.svc.internal. SRV", rcode: dns.RcodeNameError},
		{question: "_nope._tcp.orders.default.svc.internal. SRV", rcode: dns.RcodeNameError},
		{question: "_nope._tcp.orders.default.svc.internal. A", rcode: dns.RcodeNameError},
		{question: "_8082._tcp.orders.default.svc.internal. SRV", rcode: dns.RcodeNameError},
		{question: "_27015._tcp.game.default.svc.internal. SRV", rcode: dns.RcodeNameError},
		// A number has one spelling.
		{question: "_08080._tcp.orders.default.svc.internal. SRV", rcode: dns.RcodeNameError},
		{question: "_0._tcp.orders.default.svc.internal. SRV", rcode: dns.RcodeNameError},
		{question: "_65536._tcp.orders.default.svc.internal. SRV", rcode: dns.RcodeNameError},
		{question: "_+8080._tcp.orders.default.svc.internal. SRV", rcode: dns.RcodeNameError},
		{question: "_8_080._tcp.orders.default.svc.internal. SRV", rcode: dns.RcodeNameError},
		{question: "_._tcp.orders.default.svc.internal. SRV", rcode: dns.RcodeNameError},
		// Not of the grammar.
		{question: "http._tcp.orders.default.svc.internal. SRV", rcode: dns.RcodeNameError},
		{question: "_http._sctp.orders.default.svc.internal. SRV", rcode: dns.RcodeNameError},
		{question: "_http.tcp.orders.default.svc.internal. SRV", rcode: dns.RcodeNameError},
		{question: "_http._tcp.a.orders.default.svc.internal. SRV", rcode: dns.RcodeNameError},
		{question: "x._http._tcp.orders.default.svc.internal. SRV", rcode: dns.RcodeNameError},
	})
}

func TestInstanceAnswers(t *testing.T) {
	t.Parallel()
	runAll(t, serving(t, "roster", shop), []dnsCase{
		{question: "a.orders.default.svc.internal. A", answer: []string{"a.orders.default.svc.internal. 5 IN A 10.0.0.1"}},
		{question: "a.orders.default.svc.internal. AAAA", answer: []string{"a.orders.default.svc.internal. 5 IN AAAA 2001:db8::1"}},
		{question: "a.orders.default.svc.internal. SRV", answer: []string{
			"a.orders.default.svc.internal. 5 IN SRV 0 10 8080 a.orders.default.svc.internal.",
			"a.orders.default.svc.internal. 5 IN SRV 0 10 9090 a.orders.default.svc.internal.",
		}, extra: []string{
			"a.orders.default.svc.internal. 5 IN A 10.0.0.1",
			"a.orders.default.svc.internal. 5 IN AAAA 2001:db8::1",
		}},
		{question: "a.orders.default.svc.internal. TXT", answer: []string{`a.orders.default.svc.internal. 5 IN TXT "az=1" "version=1.2"`}},
		{question: "b.orders.default.svc.internal. TXT", answer: []string{`b.orders.default.svc.internal. 2 IN TXT ""`}},
		{question: "a.orders.default.svc.internal. ANY", answer: []string{`a.orders.default.svc.internal. 5 IN HINFO "RFC8482" ""`}},
		{question: "a.orders.default.svc.internal. CNAME"},
		{question: "a.orders.default.svc.internal. MX"},
		{question: "a.orders.default.svc.internal. NS"},
		{question: "a.orders.default.svc.internal. SOA"},
		{question: "b.orders.default.svc.internal. AAAA"},
		// Whatever the status and the priority.
		{question: "c.orders.default.svc.internal. A", answer: []string{"c.orders.default.svc.internal. 5 IN A 10.0.0.3"}},
		{question: "d.orders.default.svc.internal. A", answer: []string{"d.orders.default.svc.internal. 5 IN A 10.0.0.4"}},
		{question: "e.orders.default.svc.internal. A", answer: []string{"e.orders.default.svc.internal. 5 IN A 10.0.0.5"}},
		{question: "e.orders.default.svc.internal. SRV", answer: []string{
			"e.orders.default.svc.internal. 5 IN SRV 0 100 8080 e.orders.default.svc.internal.",
		}, extra: []string{"e.orders.default.svc.internal. 5 IN A 10.0.0.5"}},
		{question: "a.idle.default.svc.internal. A", answer: []string{"a.idle.default.svc.internal. 5 IN A 10.1.0.1"}},
		{question: "a.six.default.svc.internal. SRV"},
		{question: "a.twins.default.svc.internal. A", answer: []string{"a.twins.default.svc.internal. 5 IN A 10.4.0.1"}},
		{question: "nope.orders.default.svc.internal. A", rcode: dns.RcodeNameError},
		{question: "nope.orders.default.svc.internal. TXT", rcode: dns.RcodeNameError},
		{question: "a.nope.default.svc.internal. A", rcode: dns.RcodeNameError},
		{question: "x.a.orders.default.svc.internal. A", rcode: dns.RcodeNameError},
	})
}

// TestCase checks that names match whatever their case, that the client's own
// spelling comes back to it, and that everything else is in lower case.
func TestCase(t *testing.T) {
	t.Parallel()
	h := serving(t, "roster", shop)
	runAll(t, h, []dnsCase{
		{question: "OrDeRs.DEFAULT.svc.INTERNAL. AAAA", answer: []string{"OrDeRs.DEFAULT.svc.INTERNAL. 5 IN AAAA 2001:db8::1"}},
		{question: "_METRICS._TCP.Orders.Default.SVC.Internal. SRV", answer: []string{
			"_METRICS._TCP.Orders.Default.SVC.Internal. 5 IN SRV 0 10 9090 a.orders.default.svc.internal.",
		}, extra: []string{
			"a.orders.default.svc.internal. 5 IN A 10.0.0.1",
			"a.orders.default.svc.internal. 5 IN AAAA 2001:db8::1",
		}},
		{question: "SVC.Internal. SOA", answer: []string{soaOf("svc.internal.")}},
		{question: "B.Orders.default.svc.internal. TXT", answer: []string{`B.Orders.default.svc.internal. 2 IN TXT ""`}},
		{question: "NOPE.default.svc.internal. A", rcode: dns.RcodeNameError},
	})
}

func TestTTL(t *testing.T) {
	t.Parallel()
	ttls := values{
		"d/s/default": `{"addresses":["10.0.0.1"],"ports":[{"port":1}]}`,
		"d/s/one":     `{"addresses":["2001:db8::2"],"ports":[{"port":2}],"ttl":1}`,
		"d/s/thirty":  `{"addresses":["10.0.0.3"],"ports":[{"port":3}],"ttl":30}`,
		"d/s/most":    `{"addresses":["10.0.0.4"],"ports":[{"port":4}],"ttl":4294967295,"status":"down"}`,
		"d/t/thirty":  `{"addresses":["10.0.0.5"],"ttl":30}`,
		"d/t/forty":   `{"addresses":["10.0.0.6"],"ttl":40}`,
	}
	for _, tt := range []struct {
		block string
		want  map[string]uint32
	}{
		{"roster", map[string]uint32{
			"default.s.d.svc.internal. A":  5,
			"one.s.d.svc.internal. AAAA":   1,
			"thirty.s.d.svc.internal. A":   30,
			"most.s.d.svc.internal. A":     3600,
			"s.d.svc.internal. A":          5,
			"s.d.svc.internal. AAAA":       1,
			"s.d.svc.internal. SRV":        1,
			"t.d.svc.internal. A":          30,
			"svc.internal. NS":             5,
			"ns.dns.svc.internal. A":       5,
			"thirty.s.d.svc.internal. TXT": 30,
		}},
		{"roster {\n ttl 60\n min_ttl 20\n max_ttl 35\n}", map[string]uint32{
			"default.s.d.svc.internal. A": 60, // the bounds are for an instance's own
			"one.s.d.svc.internal. AAAA":  20,
			"thirty.s.d.svc.internal. A":  30,
			"most.s.d.svc.internal. A":    35,
			"s.d.svc.internal. A":         30,
			"s.d.svc.internal. AAAA":      20,
			"s.d.svc.internal. SRV":       20,
			"t.d.svc.internal. A":         30,
			"svc.internal. SOA":           60,
			"svc.internal. NS":            60,
		}},
		{"roster {\n ttl 0\n}", map[string]uint32{
			"default.s.d.svc.internal. A": 0,
			"s.d.svc.internal. A":         0,
			"thirty.s.d.svc.internal. A":  30,
			"svc.internal. SOA":           0,
		}},
	} {
		h := serving(t, tt.block, ttls)
		for question, ttl := range tt.want {
			got := ask(t, h, query(question), false)
			if len(got.Answer) == 0 {
				t.Errorf("%q: %s has no answer", tt.block, question)
			}
			for _, rr := range got.Answer {
				if rr.Header().Ttl != ttl {
					t.Errorf("%q: TTL of %v, want %d", tt.block, rr, ttl)
				}
			}
		}
		negative := ask(t, h, query("nope.svc.internal. A"), false)
		soa, ok := negative.Ns[0].(*dns.SOA)
		if want := h.ttls.standard; !ok || soa.Hdr.Ttl != want || soa.Minttl != want {
			t.Errorf("%q: negative answers have %v, want TTL and minimum %d", tt.block, negative.Ns, want)
		}
	}
}

func TestTXT(t *testing.T) {
	t.Parallel()
	h := serving(t, "roster", values{
		"d/s/a": `{"addresses":["10.0.0.1"],"metadata":{"z":"last","Quote":"say \"hi\"","back":"C:\\dir\\065","utf8":"zürich","empty":"","a b":"x=y; z"}}`,
		"d/s/b": `{"addresses":["10.0.0.1"],"metadata":{}}`,
	})
	got := ask(t, h, query("a.s.d.svc.internal. TXT"), true)
	if len(got.Answer) != 1 {
		t.Fatalf("%d records, want one TXT", len(got.Answer))
	}
	want := []string{`Quote=say "hi"`, "a b=x=y; z", `back=C:\dir\065`, "empty=", "utf8=zürich", "z=last"}
	if txt := wireStrings(t, got.Answer[0]); !slices.Equal(txt, want) {
		t.Errorf("strings %q, want %q", txt, want)
	}
	empty := ask(t, h, query("b.s.d.svc.internal. TXT"), true)
	if txt := wireStrings(t, empty.Answer[0]); !slices.Equal(txt, []string{""}) {
		t.Errorf("without metadata: strings %q, want one empty one", txt)
	}
}

// wireStrings returns the character-strings of a TXT record as they are on the
// wire.
func wireStrings(t *testing.T, rr dns.RR) []string {
	t.Helper()
	buf := make([]byte, dns.MaxMsgSize)
	end, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	_, start, err := dns.UnpackDomainName(buf, 0)
	if err != nil {
		t.Fatal(err)
	}
	data := buf[start+10 : end] // after type, class, TTL and length
	var out []string
	for len(data) > 0 {
		n := int(data[0])
		out = append(out, string(data[1:1+n]))
		data = data[1+n:]
	}
	return out
}
