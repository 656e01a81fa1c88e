package roster

import (
	"strings"
	"testing"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/rosterdns/roster/internal/mirror"
)

// TestNegative: what exists by itself or by what is below is NODATA, all else NXDOMAIN, with
// the zone's SOA. Consul had these wrong (consul#1906), and in CoreDNS's plugin etcd what is
// below leaked into the answers (coredns#4048, coredns#3861, coredns#2982).
func TestNegative(t *testing.T) {
	t.Parallel()
	runAll(t, serving(t, "roster", shop), []dnsCase{
		// Empty non-terminals.
		{question: "default.svc.internal. A"},
		{question: "default.svc.internal. SRV"},
		{question: "default.svc.internal. ANY"},
		{question: "team-b.svc.internal. A"},
		{question: "_tcp.orders.default.svc.internal. A"},
		{question: "_tcp.orders.default.svc.internal. SRV"},
		{question: "_tcp.orders.default.svc.internal. ANY"},
		{question: "_udp.game.default.svc.internal. A"},
		{question: "_udp.orders.default.svc.internal. A"}, // DNS-SD is below
		{question: "_tcp.default.svc.internal. A"},
		{question: "_udp.team-b.svc.internal. A"},
		{question: "_tcp.idle.default.svc.internal. A"},
		{question: "dns.svc.internal. A"},
		{question: "dns.svc.internal. ANY"},
		// Nothing there, nor below.
		{question: "nope.svc.internal. A", rcode: dns.RcodeNameError},
		{question: "nope.svc.internal. ANY", rcode: dns.RcodeNameError},
		{question: "nope.default.svc.internal. A", rcode: dns.RcodeNameError},
		{question: "nope.default.svc.internal. AAAA", rcode: dns.RcodeNameError},
		{question: "orders.nope.svc.internal. A", rcode: dns.RcodeNameError},
		{question: "orders.svc.internal. A", rcode: dns.RcodeNameError},
		{question: "_tcp.game.default.svc.internal. A", rcode: dns.RcodeNameError},
		{question: "_tcp.six.default.svc.internal. A", rcode: dns.RcodeNameError},
		{question: "_tcp.nope.default.svc.internal. A", rcode: dns.RcodeNameError},
		{question: "_tcp.team-c.svc.internal. A", rcode: dns.RcodeNameError},
		{question: "_sctp.orders.default.svc.internal. A", rcode: dns.RcodeNameError},
		{question: "_http._tcp.nope.default.svc.internal. SRV", rcode: dns.RcodeNameError},
		{question: "_other.svc.internal. TXT", rcode: dns.RcodeNameError},
		{question: "a._status.svc.internal. TXT", rcode: dns.RcodeNameError},
		{question: "x.dns.svc.internal. A", rcode: dns.RcodeNameError},
		{question: "x.ns.dns.svc.internal. A", rcode: dns.RcodeNameError},
		// None up.
		{question: "idle.default.svc.internal. A"},
		{question: "idle.default.svc.internal. AAAA"},
		{question: "idle.default.svc.internal. SRV"},
		{question: "idle.default.svc.internal. CNAME"},
		{question: "idle.default.svc.internal. TXT"},
		{question: "idle.default.svc.internal. ANY"},
		// Labels that no name has.
		{question: `a\.orders.default.svc.internal. A`, rcode: dns.RcodeNameError},
		{question: `orders\.default.svc.internal. A`, rcode: dns.RcodeNameError},
		{question: `o\000rders.default.svc.internal. A`, rcode: dns.RcodeNameError},
		{question: `\.default.svc.internal. A`, rcode: dns.RcodeNameError},
		{question: "*.default.svc.internal. A", rcode: dns.RcodeNameError},
		{question: "-orders.default.svc.internal. A", rcode: dns.RcodeNameError},
		{question: "or_ders.default.svc.internal. A", rcode: dns.RcodeNameError},
		{question: strings.Repeat("x", 63) + ".default.svc.internal. A", rcode: dns.RcodeNameError},
		{question: strings.Repeat("x.", 115) + "svc.internal. A", rcode: dns.RcodeNameError},
	})
}

// TestOverlong checks that names that can't be on the wire, which other
// transports' decoders may let through, are no names of ours.
func TestOverlong(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", shop)
	z := r.zones["svc.internal."]
	for _, qname := range []string{
		strings.Repeat("x", 64) + ".default.svc.internal.",
		strings.Repeat("x", 300) + ".svc.internal.",
	} {
		if n := parseName(qname, z.name); n.kind != kindNone {
			t.Errorf("%s parses as %+v", qname, n)
		}
	}
}

// TestUnsynced checks that nothing is denied before the first list.
func TestUnsynced(t *testing.T) {
	t.Parallel()
	r := servingRegistry(t, "roster {\n fallthrough\n}", inState(storeOf(t, nil), mirror.Unsynced))
	r.Next = next()
	if r.Ready() {
		t.Error("ready before the first list")
	}
	for _, question := range []string{
		"orders.default.svc.internal. A", "nope.svc.internal. A", "svc.internal. SOA", "svc.internal. NS",
		"ns.dns.svc.internal. A", "_bad.svc.internal. A", "x._status.svc.internal. TXT",
	} {
		if got := ask(t, r, query(question), false); got.Rcode != dns.RcodeServerFailure || len(got.Answer) > 0 {
			t.Errorf("%s: %v, want SERVFAIL alone", question, got)
		}
	}
}

// TestFirstListDuringQuery checks that a list that becomes complete in the
// middle of a query can't make a name that is in it NXDOMAIN.
func TestFirstListDuringQuery(t *testing.T) {
	t.Parallel()
	store := storeOf(t, nil)
	reg := &fakeReplica{store, func() mirror.Status {
		apply(store, fixtureRevision, mirror.Event{Key: "d/s/a", Value: []byte(`{"addresses":["10.0.0.1"]}`), Lease: 1})
		return mirror.Status{State: mirror.Live}
	}}
	got := ask(t, servingRegistry(t, "roster", reg), query("s.d.svc.internal. A"), false)
	if len(got.Answer) != 1 {
		t.Errorf("answered from before the list: %v", got)
	}
}

func TestFallthrough(t *testing.T) {
	t.Parallel()
	const block = "roster {\n fallthrough default.svc.internal other.example\n}"
	for question, reaches := range map[string]bool{
		"nope.default.svc.internal. A":         true,
		"nope.default.svc.internal. ANY":       true,
		"NOPE.Default.svc.internal. A":         true,
		"_sctp.orders.default.svc.internal. A": true,
		// Outside the zones that fall through.
		"nope.team-b.svc.internal. A": false,
		"nope.svc.internal. A":        false,
		// Existing names.
		"orders.default.svc.internal. A":      false,
		"orders.default.svc.internal. MX":     false,
		"idle.default.svc.internal. A":        false,
		"_tcp.orders.default.svc.internal. A": false,
		"default.svc.internal. A":             false,
		// Other zones are the next handler's in any case.
		"www.example.org. A":    true,
		"internal. A":           true,
		"xsvc.internal. A":      true,
		`x\.svc.internal. A`:    true,
		"svc.internal.other. A": true,
	} {
		r := serving(t, block, shop)
		r.Next = next()
		got := ask(t, r, query(question), false)
		txt, is := append(got.Answer, nil)[0].(*dns.TXT)
		if reached := is && txt.Txt[0] == "next"; reached != reaches {
			t.Errorf("%s: reached the next handler %v, want %v", question, reached, reaches)
		}
	}
}

// TestRefused checks what is turned down whatever the name.
func TestRefused(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", shop)
	class := query("svc.internal. TXT")
	class.Question[0].Qclass = dns.ClassCHAOS
	notify := query("svc.internal. SOA")
	notify.Opcode = dns.OpcodeNotify
	for _, tt := range []struct {
		what string
		req  *dns.Msg
		want int
	}{
		{"AXFR", query("svc.internal. AXFR"), dns.RcodeRefused},
		{"IXFR", query("svc.internal. IXFR"), dns.RcodeRefused},
		{"AXFR below", query("orders.default.svc.internal. AXFR"), dns.RcodeRefused},
		{"CHAOS", class, dns.RcodeRefused},
		{"NOTIFY", notify, dns.RcodeNotImplemented},
	} {
		if got := ask(t, r, tt.req, true); got.Rcode != tt.want || len(got.Answer) > 0 {
			t.Errorf("%s: %v, want %s", tt.what, got, dns.RcodeToString[tt.want])
		}
	}
}

// TestTooLongToBrowse: of services with a port in common those have a name in DNS-SD
// that is not too long, and so have the instances of one.
func TestTooLongToBrowse(t *testing.T) { // not parallel: it reads a counter of the process
	zoneName := strings.Repeat("z", 63) + "." + strings.Repeat("y", 50) + "." // 116 octets
	namespace := strings.Repeat("n", 60)                                      // 61
	const port = `{"addresses":["10.0.0.1"],"ports":[{"name":"abcdefghijklmno","port":80}]}`
	fits := 255 - 116 - 61 - 5 - 17 - 1 // a label before _abcdefghijklmno._tcp
	r := serving(t, "roster "+zoneName, values{
		namespace + "/" + strings.Repeat("s", fits) + "/a":   port,
		namespace + "/" + strings.Repeat("s", fits+1) + "/a": port,
		namespace + "/s/" + strings.Repeat("i", fits-2):      port,
		namespace + "/s/" + strings.Repeat("i", fits-1):      port,
	})
	for name, want := range map[string][2]int{
		"_abcdefghijklmno._tcp." + namespace + ".":   {2, 1},
		"_abcdefghijklmno._tcp.s." + namespace + ".": {1, 1},
	} {
		before := testutil.ToFloat64(namesTooLong)
		got := ask(t, r, query(name+zoneName+" PTR"), true)
		if n := testutil.ToFloat64(namesTooLong) - before; len(got.Answer) != want[0] || int(n) != want[1] {
			t.Errorf("%s: %d records and %v too long, want %v: %v", name, len(got.Answer), n, want, got)
		}
	}
}

// TestTooLong checks that a target that no name can hold costs its own record
// only, and is counted.
func TestTooLong(t *testing.T) { // not parallel: it reads a counter of the process
	label := strings.Repeat("z", 63)
	zoneName := strings.Join([]string{label, strings.Repeat("y", 50)}, ".") + "." // 116 octets
	key := "n" + strings.Repeat("n", 59) + "/" + label + "/"                      // 61 + 64
	vs := values{
		key + strings.Repeat("i", 13): `{"addresses":["10.0.0.1"],"ports":[{"name":"http","port":80}]}`, // 255 octets
		key + strings.Repeat("i", 14): `{"addresses":["10.0.0.2"],"ports":[{"name":"http","port":80}]}`, // 256
	}
	r := serving(t, "roster 10.in-addr.arpa "+zoneName, vs)
	service := label + ".n" + strings.Repeat("n", 59) + "." + zoneName
	before := testutil.ToFloat64(namesTooLong)
	got := ask(t, r, query(service+" SRV"), true)
	if len(got.Answer) != 1 || len(got.Extra) != 1 {
		t.Fatalf("want the one record that fits: %v", got)
	}
	target := got.Answer[0].(*dns.SRV).Target
	if n, err := dns.PackDomainName(target, make([]byte, 300), 0, nil, false); err != nil || n != maxName {
		t.Errorf("target %q has %d octets, %v; want %d", target, n, err, maxName)
	}
	if a := ask(t, r, query(target+" A"), true); len(a.Answer) != 1 {
		t.Errorf("the target doesn't resolve: %v", a)
	}
	if n := testutil.ToFloat64(namesTooLong) - before; n != 1 {
		t.Errorf("counted %v names, want 1", n)
	}
	// In reverse zones too.
	for address, names := range map[string]int{"1.0.0.10.in-addr.arpa.": 1, "2.0.0.10.in-addr.arpa.": 0} {
		if a := ask(t, r, query(address+" PTR"), true); a.Rcode != dns.RcodeSuccess || len(a.Answer) != names {
			t.Errorf("%s: %v, want %d names", address, a, names)
		}
	}
	if n := testutil.ToFloat64(namesTooLong) - before; n != 2 {
		t.Errorf("counted %v names, want 2", n)
	}
	// Its addresses are the service's all the same.
	if a := ask(t, r, query(service+" A"), true); len(a.Answer) != 2 {
		t.Errorf("the service has %d addresses, want 2", len(a.Answer))
	}
}

// TestNoNext checks that without a handler behind a question outside the zones is
// refused, and a name that would fall through is denied.
func TestNoNext(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster {\n fallthrough\n}", shop)
	if got := ask(t, r, query("www.example.com. A"), false); got.Rcode != dns.RcodeRefused {
		t.Errorf("outside: %v, want REFUSED", got)
	}
	got := ask(t, r, query("nope.default.svc.internal. A"), false)
	if got.Rcode != dns.RcodeNameError || !got.Authoritative || len(got.Ns) != 1 {
		t.Errorf("a name that doesn't exist: %v, want NXDOMAIN", got)
	}
}
