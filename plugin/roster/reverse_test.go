package roster

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

const reverseBlock = "roster 10.0.0.0/16 svc.internal 8.b.d.0.1.0.0.2.ip6.arpa example.org 7.0.10.in-addr.arpa"

func TestReverse(t *testing.T) {
	t.Parallel()
	const four, six = "0.10.in-addr.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa."
	const long6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0." + six
	soa := func(zone string) string {
		return zone + " 5 IN SOA ns.dns.svc.internal. hostmaster.svc.internal. 42 7200 1800 86400 5"
	}
	r := serving(t, reverseBlock, values{
		"default/web/a":       `{"addresses":["10.0.0.1","2001:db8::1"],"ttl":9}`,
		"default/web/b":       `{"addresses":["10.0.0.1","10.0.3.1"],"status":"down"}`,
		"default/web/_policy": `{"ttl":7}`,
		"default/far/a":       `{"addresses":["192.0.2.1"]}`,
	})
	for _, tt := range []struct {
		question string
		rcode    int
		answer   []string
	}{
		{"1.0." + four + " PTR", 0, []string{"1.0." + four + " 7 IN PTR a.web.default.svc.internal.", "1.0." + four + " 7 IN PTR b.web.default.svc.internal."}},
		{"1.3." + four + " PTR", 0, []string{"1.3." + four + " 7 IN PTR b.web.default.svc.internal."}},
		{long6 + " PTR", 0, []string{long6 + " 9 IN PTR a.web.default.svc.internal."}},
		{"1.0." + four + " ANY", 0, []string{"1.0." + four + ` 5 IN HINFO "RFC8482" ""`}},
		{"1.0." + four + " A", 0, nil},
		// What addresses begin with.
		{"3." + four + " PTR", 0, nil},
		{"0.0." + six + " PTR", 0, nil},
		{long6[2:] + " PTR", 0, nil},
		{"2." + four + " PTR", dns.RcodeNameError, nil},
		{"1." + six + " PTR", dns.RcodeNameError, nil},
		{"2.0." + four + " PTR", dns.RcodeNameError, nil},
		// Another zone is within.
		{"7." + four + " DS", 0, nil},
		// No addresses.
		{"01.0." + four + " PTR", dns.RcodeNameError, nil},
		{"256.0." + four + " PTR", dns.RcodeNameError, nil},
		{"x." + four + " PTR", dns.RcodeNameError, nil},
		{"1.1.0." + four + " PTR", dns.RcodeNameError, nil},
		{"00." + six + " PTR", dns.RcodeNameError, nil},
		{"g." + six + " PTR", dns.RcodeNameError, nil},
		{"1." + long6 + " PTR", dns.RcodeNameError, nil},
		{"_status.1." + four + " TXT", dns.RcodeNameError, nil},
		{"web.default." + four + " A", dns.RcodeNameError, nil},
		{four + " SOA", 0, []string{soa(four)}},
		{four + " NS", 0, []string{four + " 5 IN NS ns.dns.svc.internal."}},
		{six + " NS", 0, []string{six + " 5 IN NS ns.dns.svc.internal."}},
		{four + " A", 0, nil},
	} {
		got := ask(t, r, query(tt.question), true)
		if want, texts := texts(records(t, tt.answer)), texts(got.Answer); got.Rcode != tt.rcode || fmt.Sprint(texts) != fmt.Sprint(want) || len(got.Extra) > 0 {
			t.Errorf("%s: %v, want %s and %q", tt.question, got, dns.RcodeToString[tt.rcode], want)
		}
		if len(tt.answer) == 0 && (len(got.Ns) != 1 || got.Ns[0].Header().Rrtype != dns.TypeSOA) {
			t.Errorf("%s: no SOA: %v", tt.question, got)
		}
	}
	// Of the names in zones of services nothing changes, nor of the second one.
	if got := ask(t, r, query("web.default.example.org. A"), true); len(got.Answer) != 1 {
		t.Error(got)
	}
}

// TestReverseZoneOfAddress: CoreDNS makes a zone of each address of a network whose
// prefix ends within the last octet, so that the zone's own name is the address's.
func TestReverseZoneOfAddress(t *testing.T) {
	t.Parallel()
	const four, six = "129.2.0.192.in-addr.arpa.", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."
	r := serving(t, "roster 192.0.2.129/32 192.0.2.130/32 2001:db8::1/128 svc.internal", values{
		"d/s/a": `{"addresses":["192.0.2.129","2001:db8::1"],"ttl":9}`,
		"d/s/b": `{"addresses":["192.0.2.129"],"status":"down"}`,
	})
	for _, tt := range []struct {
		question string
		rcode    int
		answer   []string
	}{
		{four + " PTR", 0, []string{four + " 5 IN PTR a.s.d.svc.internal.", four + " 5 IN PTR b.s.d.svc.internal."}},
		{six + " PTR", 0, []string{six + " 9 IN PTR a.s.d.svc.internal."}},
		{four + " NS", 0, []string{four + " 5 IN NS ns.dns.svc.internal."}},
		{four + " A", 0, nil},
		{"1." + four + " PTR", dns.RcodeNameError, nil},
		{"130.2.0.192.in-addr.arpa. PTR", 0, nil}, // the zone exists without the address
	} {
		got := ask(t, r, query(tt.question), true)
		if want := texts(records(t, tt.answer)); got.Rcode != tt.rcode || !slices.Equal(texts(got.Answer), want) {
			t.Errorf("%s: %v, want %s and %q", tt.question, got, dns.RcodeToString[tt.rcode], want)
		}
	}
}

// TestReverseMapped: an IPv4 address has one name, in the tree of IPv4.
func TestReverseMapped(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster ip6.arpa 10.0.0.0/8 svc.internal", values{"d/s/a": `{"addresses":["10.0.0.1"]}`})
	name := "1.0.0.0.0.0.a.0.f.f.f.f." + strings.Repeat("0.", 20) + "ip6.arpa." // ::ffff:10.0.0.1
	for ; name != "ip6.arpa."; _, name, _ = strings.Cut(name, ".") {
		if got := ask(t, r, query(name+" PTR"), true); got.Rcode != dns.RcodeNameError {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// TestReverseFiltered: addresses that aren't served have no names, and neither has
// what only they begin with.
func TestReverseFiltered(t *testing.T) {
	t.Parallel()
	vs := values{"d/s/a": `{"addresses":["10.0.1.1","10.0.2.1","10.0.3.1"]}`}
	for i := range 200 {
		vs[fmt.Sprintf("d/s/i%d", i)] = fmt.Sprintf(`{"addresses":["10.0.2.%d"]}`, i)
	}
	for directive, exists := range map[string]map[string]bool{
		"deny_net 10.0.2.0/24":                         {"1": true, "2": false, "3": true, "1.1": true, "1.2": false, "1.3": true},
		"allow_net 10.0.3.0/24 10.0.1.0/24":            {"1": true, "2": false, "3": true, "1.1": true, "1.2": false, "1.3": true},
		"allow_net 10.0.0.0/16\n deny_net 10.0.0.0/23": {"1": false, "2": true, "3": true, "1.1": false, "1.2": true},
		"deny_net 0.0.0.0/0":                           {"1": false, "2": false, "3": false, "1.3": false},
		"allow_net 255.255.255.255":                    {"1": false, "2": false, "3": false, "1.3": false},
	} {
		r := serving(t, "roster svc.internal 10.0.0.0/16 {\n "+directive+"\n}", vs)
		for name, want := range exists {
			if got := ask(t, r, query(name+".0.10.in-addr.arpa. PTR"), true); (got.Rcode == dns.RcodeSuccess) != want {
				t.Errorf("%q: %s: %v", directive, name, got)
			}
		}
	}
}
