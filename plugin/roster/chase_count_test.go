package roster

import (
	"fmt"
	"maps"
	"testing"

	"github.com/miekg/dns"
)

// manyHosts returns a service of 500 hosts outside, one of 500 that lead to services
// with a host outside each, and services that lead to them and to each other.
func manyHosts() values {
	vs := maps.Clone(pointing)
	for i := range 500 {
		vs[fmt.Sprintf("default/big/i%d", i)] = fmt.Sprintf(
			`{"host":"h%d.example.com","ports":[{"name":"http","port":80},{"name":"p%d","port":81}],"tags":["t%d"],"locality":"l%d","metadata":{"alpn":"h2"}}`, i, i, i, i)
		vs[fmt.Sprintf("default/inner/i%d", i)] = fmt.Sprintf(`{"host":"one%d.default.svc.internal","ports":[{"name":"http","port":80}]}`, i)
		vs[fmt.Sprintf("default/one%d/a", i)] = fmt.Sprintf(`{"host":"h%d.example.com","ports":[{"name":"http","port":80}]}`, i)
	}
	vs["default/alias/_policy"] = `{"alias":"default/big"}`
	vs["default/failover/_policy"] = `{"failover":["default/nope","default/big"]}`
	vs["default/alias1/_policy"] = `{"alias":"default/to2"}`
	vs["default/alias2/_policy"] = `{"alias":"default/to1"}`
	vs["default/to1/a"] = `{"host":"alias1.default.svc.internal"}`
	vs["default/to2/a"] = `{"host":"alias2.default.svc.internal"}`
	return vs
}

// TestChasesOfAQuery checks that a query is sent through the server's own chain once at most,
// however many hosts there are and wherever they lead, whatever name and type is asked for; and
// not at all where they lead to each other. So no chain or fan-out of names multiplies its
// work.
func TestChasesOfAQuery(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", manyHosts())
	asked := 0
	r.upstream = resolver(func(string, uint16) (*dns.Msg, error) {
		asked++
		return &dns.Msg{Answer: records(t, []string{"h7.example.com. 60 IN CNAME h8.example.com.", "h8.example.com. 60 IN A 198.51.100.1"})}, nil
	})
	for name, most := range map[string]int{
		"big": 0, "inner": 0, "alias": 0, "failover": 0,
		"i7.big": 1, "i7.inner": 1, "one7": 1, "a.one7": 1, "t7._tag.big": 1, "l7.pin._zone.big": 1, "l7.prefer._zone.alias": 1, "t7._tag.failover": 1,
		"_http._tcp.big": 0, "_p7._tcp.big": 0, "_80._tcp.alias": 0, "_80._https.big": 0, "_http._tcp.t7._tag.big": 0, "i7._http._tcp.big": 0, "_http._tcp.inner": 0,
		"alias1": 0, "alias2": 0, "to1": 0, "to2": 0, "ring1": 0, "a.ring2": 0, "self": 0,
	} {
		for rrtype := range dns.TypeToString {
			for _, tcp := range []bool{false, true} {
				asked = 0
				got := ask(t, r, new(dns.Msg).SetQuestion(name+".default.svc.internal.", rrtype), tcp)
				if asked > most {
					t.Errorf("%s %s, TCP %v: %d look-ups, want %d: %v", name, dns.TypeToString[rrtype], tcp, asked, most, got)
				}
				if rrtype == dns.TypeA && asked != most {
					t.Errorf("%s A, TCP %v: %d look-ups, want %d: %v", name, tcp, asked, most, got)
				}
			}
		}
	}
}
