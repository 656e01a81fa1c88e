package roster

import (
	"fmt"
	"maps"
	"testing"

	"github.com/miekg/dns"
)

// redirected are services that others answer for, or that answer for others.
var redirected = values{
	"default/web/a":       `{"addresses":["10.0.0.1"],"ports":[{"name":"http","port":80}],"ttl":9}`,
	"default/web/b":       `{"addresses":["10.0.0.2"],"ports":[{"name":"http","port":80}],"status":"draining","locality":"az1"}`,
	"default/web/_policy": `{"ttl":7}`,
	// By its policy alone, and with an instance of its own.
	"default/shop/_policy": `{"alias":"default/web","ttl":3}`,
	"default/mix/_policy":  `{"alias":"default/web"}`,
	"default/mix/own":      `{"addresses":["10.1.0.1"],"ports":[{"name":"own","port":81}]}`,
	// Of those that nobody is left of the first one answers that somebody is.
	"default/gone/a":       `{"addresses":["10.2.0.1"],"ports":[{"name":"http","port":80}],"status":"down"}`,
	"default/gone/_policy": `{"failover":["default/none","default/open","default/web"]}`,
	"default/last/_policy": `{"alias":"default/none","failover":["default/gone"]}`,
	"default/open/a":       `{"addresses":["10.3.0.1"],"status":"down"}`,
	"default/open/b":       `{"addresses":["10.3.0.2"],"status":"draining"}`,
	"default/open/_policy": `{"min_up":1}`,
	// What it leads to is not followed.
	"default/twice/_policy": `{"alias":"default/shop"}`,
	"default/empty/_policy": `{"alias":"elsewhere/web"}`,
	"only/alias/_policy":    `{"alias":"default/web"}`,
}

// TestPolicyAnswers: services answer as their policy says, also when too few are up. Consul
// answers nothing when all are unhealthy (consul#1142).
func TestPolicyAnswers(t *testing.T) {
	t.Parallel()
	const zone = ".default.svc.internal."
	a := func(owner string, ttl int, address string) []string {
		return []string{fmt.Sprintf("%s %d IN A %s", owner+zone, ttl, address)}
	}
	runAll(t, serving(t, "roster", redirected), []dnsCase{
		{question: "web" + zone + " A", answer: a("web", 9, "10.0.0.1")},
		{question: "b.web" + zone + " A", answer: a("b.web", 7, "10.0.0.2")},
		// Targets, and the TTLs of their addresses, are those of their own service.
		{question: "shop" + zone + " A", answer: a("shop", 9, "10.0.0.1")},
		{question: "_http._tcp.shop" + zone + " SRV", answer: []string{"_http._tcp.shop" + zone + " 9 IN SRV 0 100 80 a.web" + zone}, extra: a("a.web", 9, "10.0.0.1")},
		{question: "az1.pin._zone.shop" + zone + " A"},
		{question: "a.shop" + zone + " A", rcode: dns.RcodeNameError},
		{question: "_http._tcp.shop" + zone + " PTR"},
		{question: "_services._dns-sd._udp.shop" + zone + " PTR"},
		{question: "shop._http._tcp" + zone + " SRV", rcode: dns.RcodeNameError},
		{question: "shop._http._tcp.default.svc.internal. SRV", rcode: dns.RcodeNameError},
		// Own instances keep their names.
		{question: "mix" + zone + " A", answer: a("mix", 9, "10.0.0.1")},
		{question: "own.mix" + zone + " A", answer: a("own.mix", 5, "10.1.0.1")},
		{question: "_own._tcp.mix" + zone + " SRV"},
		{question: "_own._tcp.mix" + zone + " PTR", answer: []string{"_own._tcp.mix" + zone + " 5 IN PTR own._own._tcp.mix" + zone}},
		{question: "mix._own._tcp.default.svc.internal. SRV", answer: []string{"mix._own._tcp.default.svc.internal. 5 IN SRV 0 100 81 own.mix" + zone}, extra: a("own.mix", 5, "10.1.0.1")},
		{question: "_81._tcp.mix" + zone + " SRV", rcode: dns.RcodeNameError},
		// min_up is that of the service that answers.
		{question: "open" + zone + " A", answer: []string{"open" + zone + " 5 IN A 10.3.0.1", "open" + zone + " 5 IN A 10.3.0.2"}},
		{question: "gone" + zone + " A", answer: []string{"gone" + zone + " 5 IN A 10.3.0.1", "gone" + zone + " 5 IN A 10.3.0.2"}},
		{question: "_http._tcp.gone" + zone + " SRV"}, // which the own one has
		{question: "_80._tcp.gone" + zone + " SRV", rcode: dns.RcodeNameError},
		{question: "last" + zone + " A"},
		{question: "twice" + zone + " A"},
		{question: "empty" + zone + " A"},
		{question: "_tcp.empty" + zone + " A", rcode: dns.RcodeNameError},
		{question: "alias.only.svc.internal. A", answer: []string{"alias.only.svc.internal. 9 IN A 10.0.0.1"}},
		{question: "only.svc.internal. A"},
		{question: "_tcp.only.svc.internal. A", rcode: dns.RcodeNameError},
		{question: "_services._dns-sd._udp.only.svc.internal. PTR"},
	})
}

// TestPolicyTTL: the TTL of a policy is bounded as an instance's own, and of the
// service that is asked.
func TestPolicyTTL(t *testing.T) {
	t.Parallel()
	vs := values{
		"d/s/a": `{"addresses":["10.0.0.1"]}`, "d/s/_policy": `{"ttl":100}`, "d/t/_policy": `{"alias":"d/s","ttl":2}`, "d/u/_policy": `{"alias":"d/s"}`,
	}
	for directive, want := range map[string]map[string]uint32{
		"roster":                               {"s": 100, "t": 2, "u": 5, "a.s": 100},
		"roster {\n min_ttl 3\n max_ttl 50\n}": {"s": 50, "t": 3, "u": 5, "a.s": 50},
	} {
		r := serving(t, directive, vs)
		for name, ttl := range want {
			if got := ask(t, r, query(name+".d.svc.internal. A"), true); len(got.Answer) != 1 || got.Answer[0].Header().Ttl != ttl {
				t.Errorf("%q: %s: want TTL %d: %v", directive, name, ttl, got)
			}
		}
	}
}

// TestPolicyMaxAnswers: that of the service that is asked comes before the block's.
func TestPolicyMaxAnswers(t *testing.T) {
	t.Parallel()
	vs := values{"default/few/_policy": `{"alias":"default/many","max_answers":3}`, "default/alias/_policy": `{"alias":"default/many"}`}
	maps.Copy(vs, many(30))
	vs["default/many/_policy"] = `{"max_answers":20}`
	r := serving(t, "roster {\n max_answers 10\n}", vs)
	for name, want := range map[string]int{"few": 3, "alias": 10, "many": 20} {
		if got := ask(t, r, query(name+".default.svc.internal. A"), true); len(got.Answer) != want {
			t.Errorf("%s: %d records, want %d", name, len(got.Answer), want)
		}
	}
}

// TestFailoverOfFiltered: whom allow_net and deny_net leave no address doesn't answer.
func TestFailoverOfFiltered(t *testing.T) {
	t.Parallel()
	vs := values{
		"d/s/a": `{"addresses":["192.0.2.1"],"ports":[{"name":"http","port":80}]}`, "d/s/_policy": `{"failover":["d/t","d/u"]}`,
		"d/t/a": `{"addresses":["192.0.2.2"]}`, "d/u/a": `{"addresses":["10.0.0.1"]}`,
	}
	runAll(t, serving(t, "roster {\n deny_net 192.0.2.0/24\n}", vs), []dnsCase{
		{question: "s.d.svc.internal. A", answer: []string{"s.d.svc.internal. 5 IN A 10.0.0.1"}},
		{question: "a.s.d.svc.internal. A", rcode: dns.RcodeNameError},
		{question: "_http._tcp.s.d.svc.internal. SRV", rcode: dns.RcodeNameError},
		{question: "_http._tcp.d.svc.internal. PTR", rcode: dns.RcodeNameError},
		{question: "_services._dns-sd._udp.d.svc.internal. PTR"},
		{question: "t.d.svc.internal. A", rcode: dns.RcodeNameError},
	})
}

// TestUnnamedPortOfAlias: a port that its own instances have without a name is no name of an
// alias, nor is its protocol.
func TestUnnamedPortOfAlias(t *testing.T) {
	t.Parallel()
	const zone = ".default.svc.internal."
	r := serving(t, "roster", values{
		"default/plain/a":       `{"addresses":["10.0.0.1"]}`,
		"default/alias/_policy": `{"alias":"default/plain"}`,
		"default/alias/x":       `{"addresses":["10.0.0.2"],"ports":[{"port":7000},{"name":"dns","port":53,"protocol":"udp"}]}`,
		"default/named/_policy": `{"alias":"default/plain"}`,
		"default/named/x":       `{"addresses":["10.0.0.3"],"ports":[{"port":7000},{"name":"http","port":80}]}`,
	})
	runAll(t, r, []dnsCase{
		{question: "_tcp.alias" + zone + " A", rcode: dns.RcodeNameError},
		{question: "_7000._tcp.alias" + zone + " SRV", rcode: dns.RcodeNameError},
		{question: "_tcp.named" + zone + " A"},
		{question: "_http._tcp.named" + zone + " A"},
		{question: "_7000._tcp.named" + zone + " SRV", rcode: dns.RcodeNameError},
	})
}
