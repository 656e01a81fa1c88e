package roster

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"testing"

	plugintest "github.com/coredns/coredns/plugin/test"

	"github.com/rosterdns/roster/internal/mirror"
)

// kindQuestions are of every kind of name, besides those of benchQuestions and
// moreQuestions.
var kindQuestions = []struct{ name, question string }{
	{"SOA", "svc.internal. SOA"},
	{"status", "_status.svc.internal. TXT"},
	{"namespace", "services.svc.internal. A"},
	{"namespace-ANY", "services.svc.internal. ANY"},
	{"no-namespace", "nope.svc.internal. A"},
	{"namespace-protocol", "_tcp.services.svc.internal. A"},
	{"namespace-no-protocol", "_udp.default.svc.internal. A"},
	{"namespace-PTR-one", "_p7._tcp.services.svc.internal. PTR"},
	{"namespace-PTR-none", "_nope._tcp.services.svc.internal. PTR"},
	{"namespace-PTR-other-type", "_http._tcp.services.svc.internal. A"},
	{"namespace-PTR-ANY", "_http._tcp.services.svc.internal. ANY"},
	{"port-service-SRV", "s7._http._tcp.services.svc.internal. SRV"},
	{"port-service-TXT", "s7._http._tcp.services.svc.internal. TXT"},
	{"browse", "_dns-sd._udp.services.svc.internal. PTR"},
	{"domains", "b._dns-sd._udp.services.svc.internal. PTR"},
	{"namespace-types-A", "_services._dns-sd._udp.services.svc.internal. A"},
	{"service-types", "_services._dns-sd._udp.s7.services.svc.internal. PTR"},
	{"large-service-types", "_services._dns-sd._udp.many.default.svc.internal. PTR"},
	{"service", "s7.services.svc.internal. A"},
	{"service-AAAA", "s7.services.svc.internal. AAAA"},
	{"instance", "a.s7.services.svc.internal. A"},
	{"instance-TXT", "i00007.many.default.svc.internal. TXT"},
	{"port-instance", "i00007._http._tcp.many.default.svc.internal. SRV"},
	{"protocol", "_tcp.many.default.svc.internal. A"},
	{"port-number", "_80._tcp.many.default.svc.internal. SRV"},
	{"locality-mark", "_zone.many.default.svc.internal. A"},
	{"locality-mode", "pin._zone.many.default.svc.internal. A"},
	{"tag-mark", "_tag.many.default.svc.internal. A"},
	{"unknown-tag", "nope._tag.many.default.svc.internal. A"},
	{"HTTPS-mark", "_https.many.default.svc.internal. HTTPS"},
	{"HTTPS-port", "_80._https.many.default.svc.internal. HTTPS"},
	{"alias", "alias.policies.svc.internal. A"},
	{"alias-SRV", "_http._tcp.alias.policies.svc.internal. SRV"},
	{"failover", "failover.policies.svc.internal. A"},
	{"failover-SRV", "_http._tcp.failover.policies.svc.internal. SRV"},
	{"nobody", "nobody.policies.svc.internal. A"},
	{"reverse-apex", "10.in-addr.arpa. NS"},
	{"reverse-none", "9.9.9.10.in-addr.arpa. PTR"},
	{"reverse-ANY", "1.0.0.10.in-addr.arpa. ANY"},
	{"reverse-part-none", "9.9.10.in-addr.arpa. PTR"},
	{"reverse-shared-part", "2.0.192.in-addr.arpa. PTR"},
	{"reverse-six", "7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR"},
	{"reverse-six-part", "0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR"},
}

// withPolicies returns what kindQuestions are about.
func withPolicies(n int) values {
	vs := labelled(n)
	vs["policies/alias/_policy"] = `{"alias":"default/many"}`
	vs["policies/failover/_policy"] = `{"failover":["default/nope","default/many"]}`
	vs["policies/nobody/_policy"] = `{"alias":"default/nope"}`
	return vs
}

// TestCostBoundOfNames bounds what a query costs of every kind of name, where a
// namespace has 100,000 services and a service 100,000 instances: ten times what it
// costs with ten at most, since answers have more records, and what it costs with
// 1,000, where they are as large as messages can be.
func TestCostBoundOfNames(t *testing.T) { // not parallel: it counts the process's allocations
	const ten, thousand, most = 10, 1_000, 100_000
	registries := map[int]replicaReader{}
	for _, n := range []int{ten, thousand, most} {
		registries[n] = inState(storeOf(t, withPolicies(n)), mirror.Live)
	}
	largest, of := 0.0, ""
	questions := slices.Concat(benchQuestions, moreQuestions, kindQuestions)
	for _, directive := range []string{"", "max_answers 8"} {
		handlers := map[int]*Roster{}
		for n, registry := range registries {
			handlers[n] = servingRegistry(t, "roster svc.internal 10.0.0.0/8 192.0.2.0/24 2001:db8::/32 {\n"+directive+"\n}", registry)
		}
		for _, q := range questions {
			allocs, bytes := map[int]float64{}, map[int]float64{}
			for n, h := range handlers {
				allocs[n], bytes[n] = cost(t, h, q.question)
			}
			ratio := max(allocs[most]/allocs[ten], bytes[most]/bytes[ten])
			report := fmt.Sprintf("%s, %q: %.1f times that for %d: allocations %v, bytes %v", q.name, directive, ratio, ten, allocs, bytes)
			if ratio > largest {
				largest, of = ratio, report
			}
			if ratio > 10 {
				t.Errorf("more than ten times: %s", report)
			}
			// A tenth and a kilobyte are for what runs beside.
			if allocs[most] > allocs[thousand]*1.1+5 || bytes[most] > bytes[thousand]*1.1+1024 {
				t.Errorf("grows: %s", report)
			}
		}
	}
	t.Logf("%d questions, of which the largest is %s", len(questions), of)
}

// TestCostBoundOfSharedAddress: an address that instances share has no more records
// than a message has room for.
func TestCostBoundOfSharedAddress(t *testing.T) { // not parallel: it counts the process's allocations
	var allocs, bytes [2]float64
	for i, n := range []int{maxPicked, 10 * maxPicked} {
		vs := values{}
		for id := range n {
			vs[fmt.Sprintf("default/shared/i%05d", id)] = `{"addresses":["10.0.0.1"]}`
		}
		allocs[i], bytes[i] = cost(t, serving(t, "roster svc.internal 10.0.0.0/8", vs), "1.0.0.10.in-addr.arpa. PTR")
	}
	if allocs[1] > allocs[0]*1.1+5 || bytes[1] > bytes[0]*1.1+1024 {
		t.Errorf("%.0f allocations of %.0f bytes for ten times as many as %.0f of %.0f", allocs[1], bytes[1], allocs[0], bytes[0])
	}
}

// TestCostBoundOfLongNames: where services have names that are too long below a port's,
// a question looks at no more of them than a message has room for.
func TestCostBoundOfLongNames(t *testing.T) { // not parallel: it counts the process's allocations
	zone := strings.Repeat(strings.Repeat("z", 61)+".", 3)
	var allocs, bytes [2]float64
	for i, n := range []int{1_000, 100_000} {
		vs := values{}
		for j := range n {
			value := fmt.Sprintf(`{"addresses":["10.0.%d.%d"],"ports":[{"name":"http","port":80}]}`, j>>8&255, j&255)
			vs[fmt.Sprintf("services/s%d/a", j)] = value
			vs[fmt.Sprintf("services/%s%d/a", strings.Repeat("s", 50), j)] = value
		}
		h := serving(t, "roster "+zone, vs)
		question := "_http._tcp.services." + zone + " PTR"
		if got := ask(t, h, withEDNS(query(question), 1232, false), false); len(got.Answer) == 0 || !got.Truncated {
			t.Fatalf("got %v, want the services with short names, of which there are too many", got)
		}
		allocs[i], bytes[i] = cost(t, h, question)
	}
	if allocs[1] > allocs[0]*1.1+5 || bytes[1] > bytes[0]*1.1+1024 {
		t.Errorf("%.0f allocations of %.0f bytes for a hundred times as many as %.0f of %.0f", allocs[1], bytes[1], allocs[0], bytes[0])
	}
}

// TestCostBoundOfFiltered bounds what a query costs with a filter: however many services
// it hides before those that are shown, a question looks at none of them, also the first
// one.
func TestCostBoundOfFiltered(t *testing.T) { // not parallel: it counts the process's allocations
	const ten, most = 10, 100_000
	handlers := map[int]*Roster{}
	for _, n := range []int{ten, most} {
		vs := withPolicies(10)
		for i := range n {
			hidden := fmt.Sprintf(`{"addresses":["198.51.100.1"],"ports":[{"name":"http","port":80},{"name":"a%d","port":81}]}`, i)
			vs[fmt.Sprintf("services/a%d/a", i)], vs[fmt.Sprintf("hidden/a%d/a", i)] = hidden, hidden
		}
		handlers[n] = serving(t, "roster svc.internal 198.51.100.0/24 {\n deny_net 198.51.100.0/24\n}", vs)
	}
	for _, question := range []string{
		"services.svc.internal. A",
		"hidden.svc.internal. A",
		"nope.hidden.svc.internal. A",
		"_tcp.services.svc.internal. A",
		"_udp.services.svc.internal. A",
		"_sctp.services.svc.internal. A",
		"_tcp.hidden.svc.internal. A",
		"_http._tcp.services.svc.internal. A",
		"_http._tcp.services.svc.internal. PTR",
		"_http._tcp.hidden.svc.internal. PTR",
		"_a7._tcp.services.svc.internal. PTR",
		"_services._dns-sd._udp.services.svc.internal. PTR",
		"_services._dns-sd._udp.hidden.svc.internal. PTR",
		"100.51.198.in-addr.arpa. PTR",
		"1.100.51.198.in-addr.arpa. PTR",
	} {
		first, allocs, bytes := map[int]float64{}, map[int]float64{}, map[int]float64{}
		for n, r := range handlers {
			first[n] = firstCost(t, r, question)
			allocs[n], bytes[n] = cost(t, r, question)
		}
		report := fmt.Sprintf("%s: at first %v allocations, then %v of %v bytes", question, first, allocs, bytes)
		// A tenth and a kilobyte are for what runs beside.
		if first[most] > first[ten]*1.1+50 || allocs[most] > allocs[ten]*1.1+5 || bytes[most] > bytes[ten]*1.1+1024 {
			t.Errorf("grows: %s", report)
		}
	}
}

// firstCost returns how many allocations the first query costs.
func firstCost(t *testing.T, r *Roster, question string) float64 {
	t.Helper()
	req, w := withEDNS(query(question), 1232, false), &plugintest.ResponseWriter{}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := r.ServeDNS(t.Context(), w, req); err != nil {
		t.Error(err)
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs - before.Mallocs)
}

// TestCostOfEveryKind checks that TestCostBoundOfNames has questions of every kind.
func TestCostOfEveryKind(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster svc.internal 10.0.0.0/8 192.0.2.0/24 2001:db8::/32", withPolicies(10))
	asked := map[kind]bool{}
	for _, q := range slices.Concat(benchQuestions, moreQuestions, kindQuestions) {
		qname := query(q.question).Question[0].Name
		z := r.zones[r.origins.Matches(qname)]
		if z == nil {
			t.Errorf("%s is in no zone", qname)
			continue
		}
		asked[z.parse(qname).kind] = true
	}
	for k := kindApex; k < kindCount; k++ {
		if !asked[k] {
			t.Errorf("no question is of kind %d, only of %v", k, slices.Sorted(maps.Keys(asked)))
		}
	}
}
