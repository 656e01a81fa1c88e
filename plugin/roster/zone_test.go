package roster

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
)

func TestApex(t *testing.T) {
	t.Parallel()
	glue := []string{"ns.dns.svc.internal. 5 IN A 192.0.2.53", "ns.dns.svc.internal. 5 IN AAAA 2001:db8::53"}
	runAll(t, serving(t, "roster", shop), []dnsCase{
		{question: "svc.internal. SOA", answer: []string{soaOf("svc.internal.")}},
		{question: "svc.internal. NS", answer: []string{"svc.internal. 5 IN NS ns.dns.svc.internal."}, extra: glue},
		{question: "svc.internal. ANY", answer: []string{`svc.internal. 5 IN HINFO "RFC8482" ""`}},
		{question: "svc.internal. A"},
		{question: "svc.internal. AAAA"},
		{question: "svc.internal. SRV"},
		{question: "svc.internal. TXT"},
		{question: "svc.internal. MX"},
		{question: "svc.internal. CNAME"},
		{question: "ns.dns.svc.internal. A", answer: glue[:1]},
		{question: "NS.dns.svc.internal. AAAA", answer: []string{"NS.dns.svc.internal. 5 IN AAAA 2001:db8::53"}},
		{question: "ns.dns.svc.internal. ANY", answer: []string{`ns.dns.svc.internal. 5 IN HINFO "RFC8482" ""`}},
		{question: "ns.dns.svc.internal. TXT"},
		{question: "ns.dns.svc.internal. NS"},
	})
}

func TestNameServers(t *testing.T) {
	t.Parallel()
	t.Run("several", func(t *testing.T) {
		t.Parallel()
		block := "roster {\n ns NS1.svc.internal 192.0.2.1 2001:db8::1 192.0.2.1\n ns ns.example.org\n ns ns1.svc.internal. 192.0.2.2\n ns deep.er.svc.internal\n}"
		glue := []string{
			"ns1.svc.internal. 5 IN A 192.0.2.1",
			"ns1.svc.internal. 5 IN A 192.0.2.2",
			"ns1.svc.internal. 5 IN AAAA 2001:db8::1",
		}
		runAll(t, serving(t, block, shop), []dnsCase{
			{question: "svc.internal. NS", answer: []string{
				"svc.internal. 5 IN NS ns1.svc.internal.",
				"svc.internal. 5 IN NS ns.example.org.",
				"svc.internal. 5 IN NS deep.er.svc.internal.",
			}, extra: append([]string{
				"deep.er.svc.internal. 5 IN A 192.0.2.53",
				"deep.er.svc.internal. 5 IN AAAA 2001:db8::53",
			}, glue...)},
			{question: "ns1.svc.internal. A", answer: glue[:2]},
			{question: "ns1.svc.internal. AAAA", answer: glue[2:]},
			{question: "deep.er.svc.internal. A", answer: []string{"deep.er.svc.internal. 5 IN A 192.0.2.53"}},
			{question: "svc.internal. SOA", answer: []string{
				"svc.internal. 5 IN SOA ns1.svc.internal. hostmaster.svc.internal. 42 7200 1800 86400 5",
			}},
		})
	})
	t.Run("non-terminal", func(t *testing.T) {
		t.Parallel()
		r := serving(t, "roster {\n ns deep.er.svc.internal\n}", shop)
		for question, rcode := range map[string]int{
			"er.svc.internal. A": dns.RcodeSuccess, "x.er.svc.internal. A": dns.RcodeNameError, "dns.svc.internal. A": dns.RcodeNameError,
			"x.deep.er.svc.internal. A": dns.RcodeNameError, "ns.dns.svc.internal. A": dns.RcodeNameError,
		} {
			if got := ask(t, r, query(question), false); got.Rcode != rcode || len(got.Answer) > 0 || len(got.Ns) != 1 {
				t.Errorf("%s: %v", question, got)
			}
		}
	})
	t.Run("outside", func(t *testing.T) {
		t.Parallel()
		r := serving(t, "roster {\n ns ns.example.org\n}", shop)
		got := ask(t, r, query("svc.internal. NS"), false)
		if len(got.Answer) != 1 || len(got.Extra) != 0 {
			t.Errorf("want one NS without glue: %v", got)
		}
	})
	t.Run("apex", func(t *testing.T) {
		t.Parallel()
		r := serving(t, "roster {\n ns svc.internal 192.0.2.1 2001:db8::1 2001:db8::2\n}", shop)
		for question, want := range map[string]int{
			"svc.internal. A": 1, "svc.internal. AAAA": 2, "svc.internal. PTR": 0, "svc.internal. SOA": 1, "svc.internal. NS": 1, "orders.default.svc.internal. A": 2,
		} {
			got := ask(t, r, query(question), false)
			if got.Rcode != dns.RcodeSuccess || len(got.Answer) != want {
				t.Errorf("%s: want %d records: %v", question, want, got)
			}
		}
	})
	t.Run("service's name", func(t *testing.T) {
		t.Parallel()
		r := serving(t, "roster {\n ns orders.default.svc.internal 192.0.2.1\n}", shop)
		runAll(t, r, []dnsCase{
			{question: "svc.internal. NS", answer: []string{"svc.internal. 5 IN NS orders.default.svc.internal."}, extra: []string{"orders.default.svc.internal. 5 IN A 192.0.2.1"}},
			{question: "orders.default.svc.internal. A", answer: []string{"orders.default.svc.internal. 5 IN A 192.0.2.1"}},
			{question: "a.orders.default.svc.internal. A", answer: []string{"a.orders.default.svc.internal. 5 IN A 10.0.0.1"}},
		})
	})
}

// TestZones checks a block with zones of which one lies within another.
func TestZones(t *testing.T) {
	t.Parallel()
	r := serving(t, `roster svc.internal Example.ORG. a.b.svc.internal`, values{
		"n/s/a": `{"addresses":["10.0.0.1"],"ports":[{"name":"http","port":80}]}`,
	})
	runAll(t, r, []dnsCase{
		{question: "s.n.svc.internal. A", answer: []string{"s.n.svc.internal. 5 IN A 10.0.0.1"}},
		{question: "s.n.example.org. SRV", answer: []string{"s.n.example.org. 5 IN SRV 0 100 80 a.s.n.example.org."}, extra: []string{"a.s.n.example.org. 5 IN A 10.0.0.1"}},
		{question: "s.n.a.b.svc.internal. SRV", answer: []string{"s.n.a.b.svc.internal. 5 IN SRV 0 100 80 a.s.n.a.b.svc.internal."}, extra: []string{"a.s.n.a.b.svc.internal. 5 IN A 10.0.0.1"}},
		{question: "a.b.svc.internal. SOA", answer: []string{soaOf("a.b.svc.internal.")}},
		{question: "nope.a.b.svc.internal. A", rcode: dns.RcodeNameError, zone: "a.b.svc.internal."},
		{question: "nope.example.org. A", rcode: dns.RcodeNameError, zone: "example.org."},
		// Above the inner zone something exists (RFC 8020).
		{question: "b.svc.internal. A"},
		{question: "x.b.svc.internal. A", rcode: dns.RcodeNameError},
	})
}

func TestRootZone(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster .", shop)
	soa := ". 5 IN SOA ns.dns. hostmaster. 42 7200 1800 86400 5"
	runAll(t, r, []dnsCase{
		{question: ". SOA", answer: []string{soa}},
		{question: ". NS", answer: []string{". 5 IN NS ns.dns."}, extra: []string{"ns.dns. 5 IN A 192.0.2.53", "ns.dns. 5 IN AAAA 2001:db8::53"}},
		{question: "_metrics._tcp.orders.default. SRV", answer: []string{"_metrics._tcp.orders.default. 5 IN SRV 0 10 9090 a.orders.default."}, extra: []string{
			"a.orders.default. 5 IN A 10.0.0.1", "a.orders.default. 5 IN AAAA 2001:db8::1",
		}},
		{question: "a.orders.default. A", answer: []string{"a.orders.default. 5 IN A 10.0.0.1"}},
		{question: "orders.default. AAAA", answer: []string{"orders.default. 5 IN AAAA 2001:db8::1"}},
	})
	for question, rcode := range map[string]int{
		"default. A": dns.RcodeSuccess, "dns. A": dns.RcodeSuccess, "nope. A": dns.RcodeNameError, "orders.default.svc.internal. A": dns.RcodeNameError,
		`orders.default\.. A`: dns.RcodeNameError,
	} {
		got := ask(t, r, query(question), true)
		if got.Rcode != rcode || len(got.Answer) > 0 || len(got.Ns) != 1 || got.Ns[0].String() != records(t, []string{soa})[0].String() {
			t.Errorf("%s: %v", question, got)
		}
	}
}

// TestDSOfZoneWithin: whether a zone is signed is for the one above to say (RFC 4035,
// 3.1.4.1), if the block has it.
func TestDSOfZoneWithin(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster svc.internal in.svc.internal deep.er.in.svc.internal other.example 10.0.0.0/8 10.1.0.0/16", shop)
	for question, soa := range map[string]string{
		"in.svc.internal. DS":         "svc.internal.",
		"IN.svc.internal. DS":         "svc.internal.",
		"deep.er.in.svc.internal. DS": "in.svc.internal.",
		"1.10.in-addr.arpa. DS":       "10.in-addr.arpa.",
		"svc.internal. DS":            "svc.internal.",
		"other.example. DS":           "other.example.",
		"x.in.svc.internal. DS":       "in.svc.internal.",
		"in.svc.internal. A":          "in.svc.internal.",
	} {
		got := ask(t, r, query(question), true)
		if denied := strings.HasPrefix(question, "x."); (got.Rcode == dns.RcodeNameError) != denied || len(got.Ns) != 1 || got.Ns[0].Header().Name != soa {
			t.Errorf("%s: %v, want the SOA record of %s", question, got, soa)
		}
	}
}
