package roster

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	plugintest "github.com/coredns/coredns/plugin/test"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
)

// benchQuestions are questions whose answers differ in how they are found.
var benchQuestions = []struct{ name, question string }{
	{"A", manyA},
	{"SRV", manySRV},
	{"ANY", "many.default.svc.internal. ANY"},
	{"NXDOMAIN", "nope.default.svc.internal. A"},
	{"NXDOMAIN-port", "_nope._tcp.many.default.svc.internal. SRV"},
}

// moreQuestions are of names that fewer clients ask for.
var moreQuestions = []struct{ name, question string }{
	{"tag", "t1._tag.many.default.svc.internal. A"},
	{"locality", "_http._tcp.l1.prefer._zone.many.default.svc.internal. SRV"},
	{"HTTPS", "many.default.svc.internal. HTTPS"},
	{"PTR", "_http._tcp.many.default.svc.internal. PTR"},
	{"reverse", "1.0.0.10.in-addr.arpa. PTR"},
	{"reverse-part", "0.0.10.in-addr.arpa. PTR"},
	{"namespace-PTR", "_http._tcp.services.svc.internal. PTR"},
	{"namespace-types", "_services._dns-sd._udp.services.svc.internal. PTR"},
}

// labelled returns what moreQuestions are about: n instances, a tenth of them with a
// tag and another with a locality, and n services of a namespace.
func labelled(n int) values {
	vs := many(n)
	for i := range n {
		vs[fmt.Sprintf("default/many/i%05d", i)] = fmt.Sprintf(
			`{"addresses":["10.%d.%d.%d"],"ports":[{"name":"http","port":80}],"tags":["t%d"],"locality":"l%d","metadata":{"alpn":"h2"}}`,
			i>>16, i>>8&255, i&255, i%10, i/2%10)
		vs[fmt.Sprintf("services/s%d/a", i)] = fmt.Sprintf(`{"addresses":["192.0.2.1","2001:db8::%x:%x"],"ports":[{"name":"http","port":80},{"name":"p%d","port":81}]}`, i>>16, i&0xffff, i)
	}
	return vs
}

// BenchmarkNames is BenchmarkServeDNS of every kind of name, as the first of
// max_answers, and with a filter that takes nothing out, or nearly all of a namespace.
func BenchmarkNames(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		vs := withPolicies(n)
		vs["services/z/a"] = `{"addresses":["10.9.9.9"],"ports":[{"name":"http","port":80}]}`
		registry := inState(storeOf(b, vs), mirror.Live)
		for directive, questions := range map[string][]struct{ name, question string }{
			"":                        slices.Concat(moreQuestions, kindQuestions),
			"max_answers 8":           {{"max_answers-A", manyA}, {"max_answers-SRV", manySRV}},
			"max_answers 80":          {{"max_answers-80", manyA}},
			"deny_net 203.0.113.0/24": {{"filtered-PTR", "_http._tcp.services.svc.internal. PTR"}, {"filtered-A", "_http._tcp.services.svc.internal. A"}},
			// Of the namespace services but for the last one.
			"allow_net 10.0.0.0/8": {
				{"denied-PTR", "_http._tcp.services.svc.internal. PTR"},
				{"denied-types", "_services._dns-sd._udp.services.svc.internal. PTR"},
				{"denied-NXDOMAIN", "nope.services.svc.internal. A"},
			},
		} {
			h := servingRegistry(b, "roster svc.internal 10.0.0.0/8 192.0.2.0/24 2001:db8::/32 {\n"+directive+"\n}", registry)
			for _, q := range questions {
				b.Run(fmt.Sprintf("%s/%d", q.name, n), func(b *testing.B) {
					b.ReportAllocs()
					req, w := withEDNS(query(q.question), 1232, false), &plugintest.ResponseWriter{}
					ask(b, h, req.Copy(), false)
					for b.Loop() {
						if code, err := h.ServeDNS(b.Context(), w, req); code != 0 || err != nil {
							b.Fatal(code, err)
						}
					}
				})
			}
		}
	}
}

// BenchmarkServeDNS measures one query in the handler, without the wire: of a
// service with that many instances, by UDP with EDNS.
func BenchmarkServeDNS(b *testing.B) {
	for _, n := range []int{10, 5_000, 100_000} {
		h := serving(b, "roster", many(n))
		for _, q := range benchQuestions {
			b.Run(fmt.Sprintf("%s/%d", q.name, n), func(b *testing.B) {
				b.ReportAllocs()
				req, w := withEDNS(query(q.question), 1232, false), &plugintest.ResponseWriter{}
				ask(b, h, req.Copy(), false) // the first one makes the selection
				for b.Loop() {
					if code, err := h.ServeDNS(b.Context(), w, req); code != 0 || err != nil {
						b.Fatal(code, err)
					}
				}
			})
		}
	}
}

// BenchmarkSelection measures what the first queries of a service version cost
// besides: those for addresses, and those for ports of all kinds.
func BenchmarkSelection(b *testing.B) {
	for _, n := range []int{10, 100_000} {
		s := storeOf(b, many(n)).Load().Service("default", "many")
		b.Run(fmt.Sprintf("addresses/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				newAddressSets(catalog.Preferred(catalog.Selector{}.Select(s.All(), s.Len())))
			}
		})
		b.Run(fmt.Sprintf("ports/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				up := catalog.Selector{}.Select(s.All(), s.Len())
				newSRVSet(allPorts(up))
				for _, k := range []portKeying{byName, byNumber} {
					for _, p := range newPorts(s.All(), up, "", k.key) {
						p.srvSet()
					}
				}
			}
		})
	}
}

// BenchmarkLocate measures what many networks of localities cost a query.
func BenchmarkLocate(b *testing.B) {
	var c clients
	for i := range 600 {
		if err := c.addNets([]string{fmt.Sprintf("2001:db8:%x::/48", i), fmt.Sprintf("az%d", i%3)}); err != nil {
			b.Fatal(err)
		}
	}
	outside := netip.MustParseAddr("2001:db8:ffff::1")
	b.ReportAllocs()
	for b.Loop() {
		c.locate(outside)
	}
}

// BenchmarkQueryAfterChange measures the first query after a change to a service
// of 20,000 instances, without the change.
func BenchmarkQueryAfterChange(b *testing.B) {
	for _, q := range benchQuestions {
		b.Run(q.name, func(b *testing.B) {
			store := storeOf(b, many(20_000))
			h := servingRegistry(b, "roster", inState(store, mirror.Live))
			req, w := withEDNS(query(q.question), 1232, false), &plugintest.ResponseWriter{}
			revision := int64(fixtureRevision)
			b.ReportAllocs()
			for b.Loop() {
				b.StopTimer()
				revision++
				change(store, revision)
				b.StartTimer()
				if code, err := h.ServeDNS(b.Context(), w, req); code != 0 || err != nil {
					b.Fatal(code, err)
				}
			}
		})
	}
}

// change changes an instance of default/many.
func change(store *services.Store, revision int64) {
	value := fmt.Appendf(nil, `{"addresses":["10.9.9.9"],"ports":[{"name":"http","port":80}],"weight":%d}`, 1+revision%100)
	apply(store, revision, mirror.Event{Key: "default/many/i00007", Value: value, ModRevision: revision, Lease: 1})
}
