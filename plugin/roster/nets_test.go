package roster

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/mirror"
)

// reach are instances in networks of many kinds.
var reach = values{
	"default/orders/both":   `{"addresses":["10.0.0.1","2001:db8::1"],"ports":[{"name":"http","port":80}]}`,
	"default/orders/mixed":  `{"addresses":["10.0.0.2","192.0.2.2"],"ports":[{"name":"http","port":80}]}`,
	"default/orders/out":    `{"addresses":["192.0.2.3"],"ports":[{"name":"alt","port":81}]}`,
	"default/outside/a":     `{"addresses":["192.0.2.4"]}`,
	"default/host/a":        `{"host":"db.example.com"}`,
	"elsewhere/outside/a":   `{"addresses":["192.0.2.5"]}`,
	"default/inside/a":      `{"addresses":["10.0.0.9"]}`,
	"default/inside/second": `{"addresses":["10.0.0.8"]}`,
}

func netsOf(t *testing.T, list ...string) []netip.Prefix {
	t.Helper()
	var out []netip.Prefix
	if err := parseNets(&out, list); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestNets(t *testing.T) {
	t.Parallel()
	const allow = "roster {\n allow_net 10.0.0.0/8\n}"
	for directive, cases := range map[string][]dnsCase{
		allow: {
			{question: "orders.default.svc.internal. A", answer: []string{
				"orders.default.svc.internal. 5 IN A 10.0.0.1", "orders.default.svc.internal. 5 IN A 10.0.0.2",
			}},
			{question: "orders.default.svc.internal. AAAA"},
			{question: "_http._tcp.orders.default.svc.internal. SRV", answer: []string{
				"_http._tcp.orders.default.svc.internal. 5 IN SRV 0 100 80 both.orders.default.svc.internal.",
				"_http._tcp.orders.default.svc.internal. 5 IN SRV 0 100 80 mixed.orders.default.svc.internal.",
			}, extra: []string{
				"both.orders.default.svc.internal. 5 IN A 10.0.0.1", "mixed.orders.default.svc.internal. 5 IN A 10.0.0.2",
			}},
			{question: "mixed.orders.default.svc.internal. A", answer: []string{"mixed.orders.default.svc.internal. 5 IN A 10.0.0.2"}},
			{question: "out.orders.default.svc.internal. A", rcode: dns.RcodeNameError},
			{question: "_alt._tcp.orders.default.svc.internal. SRV", rcode: dns.RcodeNameError},
			{question: "outside.default.svc.internal. A", rcode: dns.RcodeNameError},
			{question: "outside.elsewhere.svc.internal. A", rcode: dns.RcodeNameError},
			{question: "elsewhere.svc.internal. A", rcode: dns.RcodeNameError}, // as if its instance were not there
			{question: "a.inside.default.svc.internal. A", answer: []string{"a.inside.default.svc.internal. 5 IN A 10.0.0.9"}},
		},
		"roster {\n allow_net 10.0.0.0/8 2001:db8::/32\n allow_net 192.0.2.3\n deny_net 10.0.0.1\n}": {
			{question: "orders.default.svc.internal. A", answer: []string{
				"orders.default.svc.internal. 5 IN A 10.0.0.2", "orders.default.svc.internal. 5 IN A 192.0.2.3",
			}},
			{question: "orders.default.svc.internal. AAAA", answer: []string{"orders.default.svc.internal. 5 IN AAAA 2001:db8::1"}},
		},
		"roster {\n deny_net 0.0.0.0/0\n}": {
			{question: "orders.default.svc.internal. A"},
			{question: "orders.default.svc.internal. AAAA", answer: []string{"orders.default.svc.internal. 5 IN AAAA 2001:db8::1"}},
			{question: "inside.default.svc.internal. A", rcode: dns.RcodeNameError},
		},
	} {
		t.Run(directive, func(t *testing.T) {
			t.Parallel()
			r := serving(t, directive, reach)
			for _, c := range cases {
				c.run(t, r)
			}
		})
	}
}

// TestNetsLeaveHostsAlone: their addresses are somebody else's to tell.
func TestNetsLeaveHostsAlone(t *testing.T) {
	t.Parallel()
	s := storeOf(t, reach).Load()
	f := newNetFilter(nets{deny: netsOf(t, "0.0.0.0/0", "::/0")})
	if host := s.Service("default", "host"); f.of(host) != &attachmentOf(host).whole {
		t.Error("a host was taken out")
	}
	if f.of(s.Service("default", "orders")) != nil || f.of(nil) != nil {
		t.Error("something is left of nothing")
	}
}

// TestNetsShare: blocks with equal networks share what is left of a service, and
// nothing is made where nothing is taken out.
func TestNetsShare(t *testing.T) {
	s := storeOf(t, reach).Load()
	orders, inside := s.Service("default", "orders"), s.Service("default", "inside")
	a, b := newNetFilter(nets{allow: netsOf(t, "10.0.0.0/8")}), newNetFilter(nets{allow: netsOf(t, "10.0.0.0/8")})
	other := newNetFilter(nets{allow: netsOf(t, "192.0.2.0/24")})
	if a.of(orders) != b.of(orders) || a.of(orders) == &attachmentOf(orders).whole || other.of(orders) == a.of(orders) {
		t.Error("filters that are equal make two, or others one")
	}
	if a.of(inside) != &attachmentOf(inside).whole {
		t.Error("a service that is served whole was copied")
	}
	if newNetFilter(nets{}) != nil {
		t.Error("a filter of nothing")
	}
	if n := testing.AllocsPerRun(100, func() { a.of(orders) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestNetsLog tells of an instance once, for as long as its addresses stay.
func TestNetsLog(t *testing.T) {
	log := logged(t)
	store := storeOf(t, reach)
	r := servingRegistry(t, "roster {\n allow_net 10.0.0.0/8\n}", inState(store, mirror.Live))
	asked := func(want int) {
		t.Helper()
		ask(t, r, query("orders.default.svc.internal. A"), false)
		if got := lines(log, `"default/orders/out"`, "allow_net", `"192.0.2.`); len(got) != want {
			t.Errorf("logged %q, want %d lines", got, want)
		}
	}
	asked(1)
	asked(1)
	put := func(revision int64, id, address string) {
		value := fmt.Sprintf(`{"addresses":[%q]}`, address)
		apply(store, revision, mirror.Event{Key: "default/orders/" + id, Value: []byte(value), ModRevision: revision, Lease: 1})
	}
	put(50, "new", "10.0.0.7") // another version of the service
	asked(1)
	put(51, "out", "192.0.2.99")
	asked(2)
}

func TestParseNetsErrors(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{
		"10.0.0.1/8":       `"10.0.0.1/8" has bits beyond its length: write 10.0.0.0/8`,
		"2001:db8::1/32":   `"2001:db8::1/32" has bits beyond its length: write 2001:db8::/32`,
		"10.0.0.0/33":      `"10.0.0.0/33" is not a network such as 10.0.0.0/8 or 2001:db8::/32`,
		"example.com":      `"example.com" is not a network such as 10.0.0.0/8 or 2001:db8::/32`,
		"::ffff:10.0.0.1":  `"::ffff:10.0.0.1" is not a network such as 10.0.0.0/8 or 2001:db8::/32`,
		"fe80::1%eth0":     `"fe80::1%eth0" is not a network such as 10.0.0.0/8 or 2001:db8::/32`,
		"::ffff:0:0/96":    `"::ffff:0:0/96" is not a network such as 10.0.0.0/8 or 2001:db8::/32`,
		"":                 `"" is not a network such as 10.0.0.0/8 or 2001:db8::/32`,
		"10.0.0.0/8,10::1": `"10.0.0.0/8,10::1" is not a network such as 10.0.0.0/8 or 2001:db8::/32`,
	} {
		for _, property := range []string{"allow_net", "deny_net"} {
			_, err := parseBlock(fmt.Sprintf("roster {\n %s 10.0.0.0/8 %q\n}", property, arg))
			if err == nil || !strings.HasSuffix(err.Error(), "Testfile:2 - Error during parsing: "+property+": "+want) {
				t.Errorf("%s %q: %v, want %s", property, arg, err, want)
			}
		}
	}
	if _, err := parseBlock("roster {\n allow_net\n}"); err == nil {
		t.Error("no network is no error")
	}
}
