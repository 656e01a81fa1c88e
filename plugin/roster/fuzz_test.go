package roster

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/coredns/coredns/plugin/pkg/edns"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
)

// format returns the labels of a name below its zone, for comparison with what
// it was parsed from. deepest is the one that the name was asked by.
func (n name) format(deepest string) []string {
	port := n.port
	if n.portNumber != 0 {
		port = strconv.Itoa(int(n.portNumber))
	}
	namespace := []string{n.namespace}
	selected := append(n.selector.format(), n.service, n.namespace)
	switch n.kind {
	case kindStatus:
		return []string{"_status"}
	case kindNamespace:
		return namespace
	case kindNamespaceProtocol:
		return append([]string{"_" + n.protocol}, namespace...)
	case kindNamespacePort:
		return append([]string{"_" + port, "_" + n.protocol}, namespace...)
	case kindPortService:
		return append([]string{n.service, "_" + port, "_" + n.protocol}, namespace...)
	case kindService, kindSelection:
		return selected
	case kindInstance:
		return append([]string{n.instance}, selected...)
	case kindLocalityMark, kindTagMark, kindHTTPSParent:
		return append([]string{deepest}, selected...)
	case kindLocalityMode:
		return append([]string{deepest, "_zone"}, selected...)
	case kindProtocol:
		return append([]string{"_" + n.protocol}, selected...)
	case kindPort:
		return append([]string{"_" + port, "_" + n.protocol}, selected...)
	case kindPortInstance:
		return append([]string{n.instance, "_" + port, "_" + n.protocol}, selected...)
	case kindHTTPS:
		return append([]string{"_" + port, "_https"}, selected...)
	case kindBrowse, kindPortTypes, kindBrowseDomains:
		if n.service == "" {
			selected = namespace
		}
		labels := append([]string{"_dns-sd", "_udp"}, selected...)
		if n.kind == kindBrowse {
			return labels
		}
		return append([]string{deepest}, labels...)
	default:
		return nil
	}
}

// format returns the labels of a selector.
func (s nameSelector) format() (labels []string) {
	for _, tag := range slices.Backward(s.tags[:s.count]) {
		labels = append(labels, tag, "_tag")
	}
	if s.locality != "" {
		mode := "pin"
		if s.prefer {
			mode = "prefer"
		}
		labels = append(labels, s.locality, mode, "_zone")
	}
	return labels
}

// FuzzParseName checks that whatever parses consists of valid labels and is
// exactly what was asked.
func FuzzParseName(f *testing.F) {
	for _, s := range []string{
		"svc.internal.", "_status.svc.internal.", "orders.default.svc.internal.", "_http._tcp.orders.default.svc.internal.",
		"_8080._udp.orders.default.svc.internal.", `a\.b.default.svc.internal.`, ".", "dns.svc.internal.", "--.a.b.c.d.svc.internal.",
		"a._tag.b._tag.c._tag.d._tag.az1.pin._zone.orders.default.svc.internal.", "e._tag.a._tag.b._tag.c._tag.d._tag.orders.default.svc.internal.",
		"_http._tcp.canary._tag.orders.default.svc.internal.", "a._http._tcp.orders.default.svc.internal.", "_services._dns-sd._udp.default.svc.internal.",
		"lb._dns-sd._udp.orders.default.svc.internal.", "b._dns-sd._udp.default.svc.internal.", "orders._http._tcp.default.svc.internal.", "_8443._https.orders.default.svc.internal.",
		"prefer._zone.orders.default.svc.internal.", "_tag.orders.default.svc.internal.",
	} {
		f.Add(s, s == ".")
	}
	f.Fuzz(func(t *testing.T, qname string, root bool) {
		zoneName := "svc.internal."
		if root {
			zoneName = "."
		}
		parseName(qname, zoneName) // whatever it is, no panic
		qname = strings.ToLower(dns.Name(dns.Fqdn(qname)).String())
		if _, ok := dns.IsDomainName(qname); !ok || !dns.IsSubDomain(zoneName, qname) {
			return
		}
		n := parseName(qname, zoneName)
		if n.kind == kindNone {
			if n != (name{}) {
				t.Errorf("%q has parts but no kind: %+v", qname, n)
			}
			return
		}
		for label, err := range map[string]error{
			n.namespace: catalog.CheckNamespace(n.namespace), n.service: catalog.CheckLabel("name", n.service),
			n.instance: catalog.CheckLabel("id", n.instance), n.port: catalog.CheckPortName("port", n.port),
		} {
			if label != "" && err != nil {
				t.Errorf("%q: %v", qname, err)
			}
		}
		again := zoneName
		deepest, _, _ := strings.Cut(qname, ".")
		if labels := n.format(deepest); labels != nil {
			again = join(strings.Join(labels, ".")+".", zoneName)
		}
		if again != qname {
			t.Errorf("%q parses as %+v, which is %q", qname, n, again)
		}
	})
}

// FuzzServeDNS checks with arbitrary queries that answers are sound by
// themselves.
func FuzzServeDNS(f *testing.F) {
	for _, question := range []string{
		manyA, "orders.default.svc.internal. SRV", "_http._tcp.orders.default.svc.internal. SRV", "a.orders.default.svc.internal. TXT",
		"db.default.svc.internal. A", "solo.default. MX", ". NS", "svc.internal. SOA", "nope.svc.internal. A", "_status.svc.internal. TXT",
		"orders.default.svc.internal. ANY", "svc.internal. AXFR", "orders.default. HTTPS", "web.default.svc.internal. SVCB",
		"canary._tag.az1.prefer._zone.web.default.svc.internal. A", "_http._tcp.az2.pin._zone.web.default. SRV", "_443._https.web.default.svc.internal. HTTPS",
		"_http._tcp.orders.default.svc.internal. PTR", "a._http._tcp.orders.default.svc.internal. TXT", "_http._tcp.default.svc.internal. PTR",
		"orders._http._tcp.default.svc.internal. SRV", "_services._dns-sd._udp.default.svc.internal. PTR", "lb._dns-sd._udp.default. PTR",
		"1.0.0.10.in-addr.arpa. PTR", "0.10.in-addr.arpa. SOA", "shop.default.svc.internal. A",
	} {
		for _, req := range []*dns.Msg{query(question), withEDNS(query(question), 1232, true)} {
			wire, err := req.Pack()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(wire, len(wire)%2 == 0)
		}
	}
	all := maps.Clone(shop)
	maps.Copy(all, outside)
	maps.Copy(all, many(100))
	maps.Copy(all, fleet)
	all["default/shop/_policy"] = `{"alias":"default/web","failover":["default/orders"],"max_answers":2}`
	r := serving(f, "roster svc.internal . 10.in-addr.arpa {\n max_answers 90\n}", all)
	soa := records(f, []string{"example.com. 60 IN SOA ns.example.com. root.example.com. 1 2 3 4 5"})
	r.upstream = resolver(func(_ string, qtype uint16) (*dns.Msg, error) {
		rcode := dns.RcodeSuccess
		if qtype%2 == 0 {
			rcode = dns.RcodeNameError
		}
		return &dns.Msg{MsgHdr: dns.MsgHdr{Rcode: rcode}, Ns: soa}, nil
	})
	f.Fuzz(func(t *testing.T, wire []byte, tcp bool) {
		req := new(dns.Msg)
		// What CoreDNS itself turns down doesn't come this far.
		if req.Unpack(wire) != nil || req.Response || len(req.Question) != 1 {
			return
		}
		if _, err := edns.Version(req); err != nil {
			return
		}
		edns0 := req.IsEdns0() != nil
		got := ask(t, r, req.Copy(), tcp)
		if q := req.Question[0]; q.Qclass != dns.ClassINET || req.Opcode != dns.OpcodeQuery {
			if got.Rcode == dns.RcodeSuccess {
				t.Errorf("answered class %d, opcode %d", q.Qclass, req.Opcode)
			}
			return
		}
		checkSound(t, got)
		if got.Rcode != dns.RcodeRefused && edns0 != (got.IsEdns0() != nil) {
			t.Errorf("OPT in the query %v, in the answer %v", edns0, got)
		}
		checkTargets(t, r, got)
	})
}

// checkSound checks the invariants of a message.
func checkSound(t *testing.T, m *dns.Msg) {
	t.Helper()
	aliases := len(slices.DeleteFunc(slices.Clone(m.Answer), func(rr dns.RR) bool { return rr.Header().Rrtype != dns.TypeCNAME }))
	switch m.Rcode {
	case dns.RcodeSuccess:
	case dns.RcodeNameError:
		if len(m.Answer) != aliases {
			t.Errorf("NXDOMAIN with an answer: %v", m)
		}
	case dns.RcodeRefused:
		return
	default:
		t.Errorf("unexpected code: %v", m)
	}
	if !m.Authoritative {
		t.Errorf("no AA: %v", m)
	}
	if len(m.Answer) == aliases && !m.Truncated && m.Question[0].Qtype != dns.TypeCNAME && m.Question[0].Qtype != dns.TypeANY {
		if len(m.Ns) != 1 || m.Ns[0].Header().Rrtype != dns.TypeSOA {
			t.Errorf("negative without SOA: %v", m)
		}
	}
	ttl := map[[2]string]uint32{}
	seen := map[string]bool{}
	for _, rr := range slices.Concat(m.Answer, m.Ns, m.Extra) {
		if rr.Header().Rrtype == dns.TypeOPT {
			continue
		}
		set := [2]string{rr.Header().Name, dns.TypeToString[rr.Header().Rrtype]}
		if other, is := ttl[set]; is && other != rr.Header().Ttl {
			t.Errorf("a record set with two TTLs: %v", m)
		}
		ttl[set] = rr.Header().Ttl
		if seen[rr.String()] {
			t.Errorf("%v is there twice", rr)
		}
		seen[rr.String()] = true
	}
}

// checkTargets checks that targets in the zones have addresses, in the message
// or for who asks.
func checkTargets(t *testing.T, r *Roster, m *dns.Msg) {
	t.Helper()
	for _, rr := range m.Answer {
		srv, is := rr.(*dns.SRV)
		if !is || !dns.IsSubDomain("svc.internal.", srv.Target) {
			continue
		}
		if srv.Weight == 0 || srv.Target != strings.ToLower(srv.Target) {
			t.Errorf("%v", srv)
		}
		if slices.ContainsFunc(m.Extra, func(rr dns.RR) bool { return rr.Header().Name == srv.Target }) {
			continue
		}
		if len(ask(t, r, query(srv.Target+" A"), true).Answer)+len(ask(t, r, query(srv.Target+" AAAA"), true).Answer) == 0 {
			t.Errorf("target %q has no address", srv.Target)
		}
	}
}
