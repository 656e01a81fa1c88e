package roster

import (
	"slices"
	"testing"

	"github.com/miekg/dns"
)

// web are services that HTTP can be spoken with.
var web = values{
	"default/web/a": `{"addresses":["10.0.0.1","2001:db8::1","10.0.0.9","10.0.0.1"],"ports":[{"name":"http","port":80},{"name":"https","port":443},{"name":"https","port":8443,"protocol":"udp"}],"priority":1,"metadata":{"alpn":"h2,http/1.1"}}`,
	"default/web/b": `{"addresses":["10.0.0.2"],"ports":[{"name":"grpc","port":50051},{"name":"http","port":80,"protocol":"udp"}],"priority":65535,"ttl":2,"metadata":{"alpn":"h2"}}`,
	"default/web/c": `{"addresses":["10.0.0.3"],"ports":[{"name":"http","port":80}],"ttl":1}`,
	"default/web/d": `{"addresses":["10.0.0.4"],"ports":[{"name":"http","port":8080}],"status":"draining","metadata":{"alpn":" h3 ,, h3,a\\,b\\\\c"}}`,
	"default/web/h": `{"host":"web.example.com","ports":[{"port":444},{"name":"x","port":445}],"metadata":{"alpn":"h2"}}`,
	"default/web/i": `{"host":"web.example.com","ports":[{"port":444}],"metadata":{"alpn":"h2"}}`,
	"default/off/a": `{"addresses":["10.1.0.1"],"metadata":{"alpn":" , "}}`,
	"default/udp/a": `{"addresses":["10.2.0.1"],"ports":[{"name":"x","port":53,"protocol":"udp"}],"metadata":{"alpn":"dot"}}`,
	"default/cdn/a": `{"host":"cdn.example.com","ports":[{"port":443}],"metadata":{"alpn":"h2"}}`,
}

func TestSVCB(t *testing.T) {
	t.Parallel()
	const name = "web.default.svc.internal."
	r := serving(t, "roster", web)
	r.upstream = found(t, dns.RcodeRefused, nil, nil)
	glue := []string{
		"a." + name + " 5 IN A 10.0.0.1", "a." + name + " 5 IN A 10.0.0.9", "a." + name + " 5 IN AAAA 2001:db8::1", "b." + name + " 2 IN A 10.0.0.2",
	}
	for _, rrtype := range []string{"SVCB", "HTTPS"} {
		runAll(t, r, []dnsCase{
			{question: name + " " + rrtype, answer: []string{
				name + " 2 IN " + rrtype + ` 2 a.` + name + ` alpn="h2,http/1.1" port="443" ipv4hint="10.0.0.1,10.0.0.9" ipv6hint="2001:db8::1"`,
				name + " 2 IN " + rrtype + ` 65535 b.` + name + ` alpn="h2" no-default-alpn="" port="80" ipv4hint="10.0.0.2"`,
				name + " 2 IN " + rrtype + ` 1 web.example.com. alpn="h2" no-default-alpn="" port="444"`,
			}, extra: glue},
			{question: "d." + name + " " + rrtype, answer: []string{
				"d." + name + " 5 IN " + rrtype + ` 1 d.` + name + ` alpn="h3,a\\\,b\\\\c" no-default-alpn="" port="8080" ipv4hint="10.0.0.4"`,
			}, extra: []string{"d." + name + " 5 IN A 10.0.0.4"}},
			{question: "c." + name + " " + rrtype},
			{question: "off.default.svc.internal. " + rrtype},
			{question: "udp.default.svc.internal. " + rrtype, answer: []string{
				"udp.default.svc.internal. 5 IN " + rrtype + ` 1 a.udp.default.svc.internal. alpn="dot" no-default-alpn="" ipv4hint="10.2.0.1"`,
			}, extra: []string{"a.udp.default.svc.internal. 5 IN A 10.2.0.1"}},
			{question: "cdn.default.svc.internal. " + rrtype, answer: []string{"cdn.default.svc.internal. 5 IN CNAME cdn.example.com."}},
			{question: "_http._tcp." + name + " " + rrtype},
			{question: "default.svc.internal. " + rrtype},
		})
	}
	runAll(t, r, []dnsCase{
		{question: "_443._https." + name + " HTTPS", answer: []string{
			"_443._https." + name + ` 5 IN HTTPS 2 a.` + name + ` alpn="h2,http/1.1" port="443" ipv4hint="10.0.0.1,10.0.0.9" ipv6hint="2001:db8::1"`,
		}, extra: glue[:3]},
		{question: "_8443._https." + name + " HTTPS", answer: []string{
			"_8443._https." + name + ` 5 IN HTTPS 2 a.` + name + ` alpn="h2,http/1.1" port="8443" ipv4hint="10.0.0.1,10.0.0.9" ipv6hint="2001:db8::1"`,
		}, extra: glue[:3]},
		{question: "_444._https." + name + " HTTPS", answer: []string{"_444._https." + name + ` 5 IN HTTPS 1 web.example.com. alpn="h2" no-default-alpn="" port="444"`}},
		{question: "_443._https.cdn.default.svc.internal. HTTPS", answer: []string{"_443._https.cdn.default.svc.internal. 5 IN HTTPS 1 cdn.example.com. alpn=\"h2\" no-default-alpn=\"\" port=\"443\""}},
		{question: "_443._https." + name + " SVCB"},
		{question: "_8080._https." + name + " HTTPS"}, // of one that is draining
		{question: "_https." + name + " HTTPS"},
		{question: "_81._https." + name + " HTTPS", rcode: dns.RcodeNameError},
		{question: "_https._https." + name + " HTTPS", rcode: dns.RcodeNameError},
		{question: "_https.off.default.svc.internal. HTTPS", rcode: dns.RcodeNameError},
		{question: "a._443._https." + name + " HTTPS", rcode: dns.RcodeNameError},
	})
}

func TestProtocolIDs(t *testing.T) {
	t.Parallel()
	for list, want := range map[string][]string{
		"": nil, ",": nil, "h2": {"h2"}, "h2,h3": {"h2", "h3"}, "h2, h3 ,": {"h2", "h3"}, "h2,h2": {"h2"},
		`a\,b`: {"a,b"}, `a\\,b`: {`a\`, "b"}, `a\`: {`a\`}, `\`: {`\`}, `\,`: {","},
	} {
		if got := protocolIDs(list); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", list, got, want)
		}
	}
}

// TestSVCBOnce: hosts whose lists of protocols differ in how they are written make one
// record, those at two ports two. An instance that has a port over two protocols makes
// one.
func TestSVCBOnce(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster", values{
		"n/s/a": `{"host":"a.example.com","metadata":{"alpn":"h2,h3"}}`,
		"n/s/b": `{"host":"a.example.com","metadata":{"alpn":"h2, h3,"}}`,
		"n/s/c": `{"host":"a.example.com","metadata":{"alpn":"h3,h2"}}`,
		"n/t/a": `{"host":"a.example.com","ports":[{"port":443}],"metadata":{"alpn":"h2"}}`,
		"n/t/b": `{"host":"a.example.com","ports":[{"port":8443}],"metadata":{"alpn":"h2"}}`,
		"n/u/a": `{"addresses":["10.0.0.1"],"ports":[{"port":443},{"name":"quic","port":443,"protocol":"udp"},{"name":"alt","port":443}],"metadata":{"alpn":"h2"}}`,
	})
	for name, want := range map[string]int{"s": 2, "t": 2, "_443._https.t": 1, "u": 1, "_443._https.u": 1} {
		if got := ask(t, r, query(name+".n.svc.internal. HTTPS"), true); len(got.Answer) != want {
			t.Errorf("%s: records %v, want %d", name, got.Answer, want)
		}
	}
}
