package roster

import (
	"fmt"
	"testing"

	"github.com/miekg/dns"
)

// fleet is a service with localities and tags, besides a host of a locality of its own.
var fleet = values{
	"default/web/a": `{"addresses":["10.0.0.1"],"ports":[{"name":"http","port":80}],"locality":"az1","tags":["canary","blue"]}`,
	"default/web/b": `{"addresses":["10.0.0.2"],"ports":[{"name":"http","port":80},{"name":"admin","port":81}],"locality":"az1","tags":["blue"]}`,
	"default/web/c": `{"addresses":["10.0.0.3"],"ports":[{"name":"http","port":80},{"name":"metrics","port":82}],"locality":"az2","tags":["canary"]}`,
	"default/web/d": `{"addresses":["10.0.0.4"],"ports":[{"name":"debug","port":83}],"locality":"az3","tags":["old"],"status":"down"}`,
	"default/web/h": `{"host":"web.example.com","ports":[{"name":"http","port":8080}],"locality":"cloud","tags":["canary"]}`,
}

func addressesOf(owner string, last ...int) (lines []string) {
	for _, l := range last {
		lines = append(lines, fmt.Sprintf("%s 5 IN A 10.0.0.%d", owner, l))
	}
	return lines
}

// TestSelectorAnswers: names that ask for some of a service's instances exist without being
// written. CoreDNS's plugin etcd has no wildcards to do so (coredns#4314).
func TestSelectorAnswers(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", fleet)
	r.upstream = found(t, dns.RcodeRefused, nil, nil)
	var cases []dnsCase
	for selector, want := range map[string][]int{
		"blue._tag":             {1, 2},
		"canary._tag":           {1, 3},
		"blue._tag.canary._tag": {1},
		"canary._tag.blue._tag": {1},
		"nobody._tag":           nil,
		"az1.pin._zone":         {1, 2},
		"az9.pin._zone":         nil,
		"az2.prefer._zone":      {3},
		"az9.prefer._zone":      {1, 2, 3},
		"az3.prefer._zone":      {1, 2, 3},

		"blue._tag.blue._tag.blue._tag.blue._tag": {1, 2},

		"blue._tag.az1.pin._zone":      {1, 2},
		"blue._tag.az2.pin._zone":      nil,
		"canary._tag.az2.prefer._zone": {3},
		"blue._tag.az2.prefer._zone":   {1, 2},
		"nobody._tag.az1.prefer._zone": nil,

		// Of one who is down.
		"old._tag":      nil,
		"az3.pin._zone": nil,

		// What selectors begin with.
		"_tag":               nil,
		"_zone":              nil,
		"pin._zone":          nil,
		"prefer._zone":       nil,
		"_tag.blue._tag":     nil,
		"_tag.az1.pin._zone": nil,

		"_tag.a._tag.b._tag.c._tag.az1.pin._zone":   nil,
		"d._tag.a._tag.b._tag.c._tag.az1.pin._zone": nil,
	} {
		owner := selector + ".web.default.svc.internal."
		cases = append(cases, dnsCase{question: owner + " A", answer: addressesOf(owner, want...)})
	}
	for _, nonsense := range []string{
		"_tag.d._tag.a._tag.b._tag.c._tag", "e._tag.d._tag.a._tag.b._tag.c._tag", "x.blue._tag", "near._zone", "az1.near._zone", "-.pin._zone",
		"_zone.blue._tag", "az1.pin._zone.blue._tag", "a.az1.pin._zone", "pin._zone.az1.pin._zone", "_pin._zone",
	} {
		cases = append(cases, dnsCase{question: nonsense + ".web.default.svc.internal. A", rcode: dns.RcodeNameError})
	}
	cases = append(
		cases,
		dnsCase{question: "az1.pin._zone.nope.default.svc.internal. A", rcode: dns.RcodeNameError},
		// Alone, a host is a CNAME.
		dnsCase{question: "cloud.pin._zone.web.default.svc.internal. A", answer: []string{"cloud.pin._zone.web.default.svc.internal. 5 IN CNAME web.example.com."}},
		dnsCase{question: "cloud.prefer._zone.web.default.svc.internal. SRV", answer: []string{"cloud.prefer._zone.web.default.svc.internal. 5 IN CNAME web.example.com."}},
		dnsCase{question: "canary._tag.web.default.svc.internal. ANY", answer: []string{`canary._tag.web.default.svc.internal. 5 IN HINFO "RFC8482" ""`}},
		dnsCase{question: "canary._tag.web.default.svc.internal. TXT"},
	)
	runAll(t, r, cases)
}

func TestSelectorPorts(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", fleet)
	srv := func(owner string, targets ...string) (c dnsCase) {
		c.question = owner + " SRV"
		for _, target := range targets {
			if target == "h" {
				c.answer = append(c.answer, owner+" 5 IN SRV 0 100 8080 web.example.com.")
				continue
			}
			c.answer = append(c.answer, fmt.Sprintf("%s 5 IN SRV 0 100 %d %s.web.default.svc.internal.", owner, 80, target))
			c.extra = append(c.extra, fmt.Sprintf("%s.web.default.svc.internal. 5 IN A 10.0.0.%d", target, target[0]-'a'+1))
		}
		return c
	}
	const web = ".web.default.svc.internal."
	runAll(t, r, []dnsCase{
		srv("_http._tcp.canary._tag"+web, "a", "c", "h"),
		srv("_http._tcp.canary._tag.az1.pin._zone"+web, "a"),
		srv("_80._tcp.az2.prefer._zone"+web, "c"),
		srv("_http._tcp.cloud.pin._zone"+web, "h"),
		srv("_http._tcp.nobody._tag" + web),
		// The locality counts among those who have the port.
		{question: "_metrics._tcp.az1.prefer._zone" + web + " SRV", answer: []string{
			"_metrics._tcp.az1.prefer._zone.web.default.svc.internal. 5 IN SRV 0 100 82 c.web.default.svc.internal.",
		}, extra: []string{"c.web.default.svc.internal. 5 IN A 10.0.0.3"}},
		{question: "_metrics._tcp.az1.pin._zone" + web + " SRV"},
		// Ports exist whoever is selected, and whatever the status.
		{question: "_admin._tcp.az2.pin._zone" + web + " SRV"},
		{question: "_debug._tcp.blue._tag" + web + " SRV"},
		{question: "_tcp.nobody._tag" + web + " SRV"},
		{question: "_nope._tcp.blue._tag" + web + " SRV", rcode: dns.RcodeNameError},
		{question: "_udp.blue._tag" + web + " SRV", rcode: dns.RcodeNameError},
		{question: "_dns-sd._udp.blue._tag" + web + " PTR", rcode: dns.RcodeNameError},
		{question: "_http._tcp.blue._tag" + web + " PTR"},
		{question: "a._http._tcp.blue._tag" + web + " SRV", rcode: dns.RcodeNameError},
	})
}

// TestSelectionsAreBounded: whatever is asked of a version, it holds no more than
// maxNarrowed selections, and those beyond get the same answers.
func TestSelectionsAreBounded(t *testing.T) {
	t.Parallel()
	vs := values{}
	for i := range 3 * maxNarrowed {
		vs[fmt.Sprintf("default/web/i%d", i)] = fmt.Sprintf(`{"addresses":["10.0.0.%d"],"tags":["t%d"],"locality":"l%d"}`, i, i, i%2)
	}
	r := serving(t, "roster", vs)
	v := servedOf(r.replica.Load().Service("default", "web")).view() // which lasts as long as it is used
	for range 2 {
		for i := range 3 * maxNarrowed {
			for selector, want := range map[string]int{
				fmt.Sprintf("t%d._tag", i): 1, fmt.Sprintf("t%d._tag.l%d.pin._zone", i, i%2): 1, fmt.Sprintf("t%d._tag.l%d.pin._zone", i, 1-i%2): 0,
				fmt.Sprintf("x%d._tag", i): 0, fmt.Sprintf("x%d.pin._zone", i): 0, fmt.Sprintf("x%d.prefer._zone", i): 3 * maxNarrowed,
			} {
				if got := ask(t, r, query(selector+".web.default.svc.internal. A"), true); len(got.Answer) != want {
					t.Errorf("%s: %d records, want %d", selector, len(got.Answer), want)
				}
			}
		}
		if n := len(v.narrowed.by); n != maxNarrowed {
			t.Errorf("%d selections, want %d", n, maxNarrowed)
		}
	}
}
