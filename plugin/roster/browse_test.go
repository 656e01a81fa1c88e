package roster

import (
	"testing"

	"github.com/miekg/dns"
)

// TestServiceBrowsing: services and instances can be listed by DNS-SD, which Consul lacks
// (consul#383).
func TestServiceBrowsing(t *testing.T) {
	t.Parallel()
	const orders = "orders.default.svc.internal."
	runAll(t, serving(t, "roster", shop), []dnsCase{
		// The lowest TTL of the service, and those who are up.
		{question: "_http._tcp." + orders + " PTR", answer: []string{
			"_http._tcp." + orders + " 2 IN PTR a._http._tcp." + orders,
			"_http._tcp." + orders + " 2 IN PTR b._http._tcp." + orders,
			"_http._tcp." + orders + " 2 IN PTR c._http._tcp." + orders,
		}},
		{question: "_metrics._tcp." + orders + " PTR", answer: []string{"_metrics._tcp." + orders + " 2 IN PTR a._metrics._tcp." + orders}},
		{question: "_admin._tcp." + orders + " PTR"},
		{question: "_8080._tcp." + orders + " PTR"},
		{question: "_nope._tcp." + orders + " PTR", rcode: dns.RcodeNameError},
		// Services have no ports by number in common.
		{question: "_8080._tcp.default.svc.internal. PTR", rcode: dns.RcodeNameError},
		{question: "orders._8080._tcp.default.svc.internal. SRV", rcode: dns.RcodeNameError},
		{question: "a._http._tcp." + orders + " SRV", answer: []string{"a._http._tcp." + orders + " 5 IN SRV 0 10 8080 a." + orders}, extra: []string{
			"a." + orders + " 5 IN A 10.0.0.1", "a." + orders + " 5 IN AAAA 2001:db8::1",
		}},
		{question: "a._http._tcp." + orders + " TXT", answer: []string{"a._http._tcp." + orders + ` 5 IN TXT "az=1" "version=1.2"`}},
		{question: "b._http._tcp." + orders + " TXT", answer: []string{"b._http._tcp." + orders + ` 2 IN TXT ""`}},
		{question: "a._http._tcp." + orders + " A"},
		{question: "a._http._tcp." + orders + " ANY", answer: []string{"a._http._tcp." + orders + ` 5 IN HINFO "RFC8482" ""`}},
		// Whatever the status.
		{question: "e._http._tcp." + orders + " SRV", answer: []string{"e._http._tcp." + orders + " 5 IN SRV 0 100 8080 e." + orders}, extra: []string{"e." + orders + " 5 IN A 10.0.0.5"}},
		{question: "b._metrics._tcp." + orders + " SRV", rcode: dns.RcodeNameError},
		{question: "a._8080._tcp." + orders + " SRV", rcode: dns.RcodeNameError},
		{question: "nope._http._tcp." + orders + " SRV", rcode: dns.RcodeNameError},
		{question: "a._http._udp." + orders + " SRV", rcode: dns.RcodeNameError},
		{question: "_services._dns-sd._udp." + orders + " PTR", answer: []string{
			"_services._dns-sd._udp." + orders + " 2 IN PTR _http._tcp." + orders,
			"_services._dns-sd._udp." + orders + " 2 IN PTR _metrics._tcp." + orders,
			"_services._dns-sd._udp." + orders + " 2 IN PTR _admin._tcp." + orders,
		}},
		{question: "_services._dns-sd._udp." + orders + " A"},
		{question: "_dns-sd._udp." + orders + " PTR"},
		{question: "_udp." + orders + " PTR"},
		{question: "_services._dns-sd._tcp." + orders + " PTR", rcode: dns.RcodeNameError},
		{question: "b._dns-sd._udp." + orders + " PTR", rcode: dns.RcodeNameError},
		{question: "_services._dns-sd._udp.six.default.svc.internal. PTR"},
		{question: "_services._dns-sd._udp.nope.default.svc.internal. PTR", rcode: dns.RcodeNameError},
		{question: "_services._dns-sd._udp.game.default.svc.internal. PTR", answer: []string{
			"_services._dns-sd._udp.game.default.svc.internal. 5 IN PTR _game._udp.game.default.svc.internal.",
		}},
	})
}

// TestHostBrowsing: the names of a host's ports are no aliases, and each of two hosts
// with one name is an instance.
func TestHostBrowsing(t *testing.T) {
	t.Parallel()
	const db = "db.default.svc.internal."
	runAll(t, serving(t, "roster", values{
		"default/db/a": `{"host":"db.example.com","ports":[{"name":"pg","port":5432}],"metadata":{"k":"v"}}`,
		"default/db/b": `{"host":"db.example.com","ports":[{"name":"pg","port":5432}]}`,
	}), []dnsCase{
		{question: "_pg._tcp." + db + " PTR", answer: []string{"_pg._tcp." + db + " 5 IN PTR a._pg._tcp." + db, "_pg._tcp." + db + " 5 IN PTR b._pg._tcp." + db}},
		{question: "_pg._tcp." + db + " SRV", answer: []string{"_pg._tcp." + db + " 5 IN SRV 0 100 5432 db.example.com."}},
		{question: "a._pg._tcp." + db + " SRV", answer: []string{"a._pg._tcp." + db + " 5 IN SRV 0 100 5432 db.example.com."}},
		{question: "a._pg._tcp." + db + " TXT", answer: []string{"a._pg._tcp." + db + ` 5 IN TXT "k=v"`}},
		{question: "a._pg._tcp." + db + " CNAME"},
	})
}

func TestDomainEnumeration(t *testing.T) {
	t.Parallel()
	var cases []dnsCase
	for _, label := range []string{"b", "db", "lb"} {
		cases = append(cases, dnsCase{question: label + "._dns-sd._udp.default.svc.internal. PTR", answer: []string{label + "._dns-sd._udp.default.svc.internal. 5 IN PTR default.svc.internal."}})
		cases = append(cases, dnsCase{question: label + "._dns-sd._udp.default.svc.internal. A"})
		cases = append(cases, dnsCase{question: label + "._dns-sd._udp.nope.svc.internal. PTR", rcode: dns.RcodeNameError})
		cases = append(cases, dnsCase{question: label + "._dns-sd._udp.svc.internal. PTR", rcode: dns.RcodeNameError})
	}
	runAll(t, serving(t, "roster", shop), append(
		cases,
		dnsCase{question: "r._dns-sd._udp.default.svc.internal. PTR", rcode: dns.RcodeNameError},
		dnsCase{question: "_dns-sd._udp.default.svc.internal. PTR"},
		dnsCase{question: "_udp.default.svc.internal. PTR"},
	))
}
