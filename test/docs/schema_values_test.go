package docs_test

import (
	"fmt"
	"strings"
)

// schemaValues returns values of a form at the edges of its rules, valid and not.
func schemaValues(name string) (texts []string) {
	switch name {
	case "instance":
		texts = instanceValues()
	case "override":
		texts = []string{
			`{"status":"up"}`, `{"status":"draining","reason":"disk"}`, `{"status":"asleep"}`, `{"status":"down","reason":null,"by":"me"}`,
			`{"status":"down","status":"down"}`, `{"status":""}`, `{"status":null}`, `{"status":1}`, `{"reason":"disk"}`, `{"Status":"down"}`,
			`{"status":"down","reason":1}`, `"down"`, `null`, `[]`, `{}`, `{status:"down"}`, ``,
		}
	case "policy":
		texts = policyValues()
	case "service":
		texts = serviceValues()
	}
	return texts
}

func many(n int, text string) string { return strings.TrimSuffix(strings.Repeat(text+",", n), ",") }

func numberedTexts(n int, format string) string {
	texts := make([]string, n)
	for i := range texts {
		texts[i] = fmt.Sprintf(format, i)
	}
	return strings.Join(texts, ",")
}

// instanceValues returns for each member values of it in an instance that is valid
// but for them.
func instanceValues() []string {
	label63 := strings.Repeat("a", 63)
	host := func(n int) string { return strings.Repeat(label63[:49]+".", n/50) + label63[:n%50] }
	metadata := make([]string, 17)
	for i := range metadata {
		metadata[i] = fmt.Sprintf(`"k%02d":%q`, i, strings.Repeat("v", 250))
	}
	texts := []string{
		`{}`, `null`, `[]`, `"a"`, `1`, ``, `{`, `{"addresses":["10.0.0.7"]}x`, `{"addresses":null}`, `{"host":null}`, `{"host":""}`,
		`{"addresses":["10.0.0.7"],"host":"a.example"}`, `{"addresses":[],"host":"a.example"}`, `{"addresses":null,"host":"a.example"}`,
		`{"addresses":["10.0.0.7"],"host":""}`, `{"addresses":["10.0.0.7"],"host":null}`, `{"addresses":["10.0.0.7"],"host":1}`,
		`{"addresses":["10.0.0.7"],"future":"` + strings.Repeat("x", 64<<10) + `"}`,
	}
	alone := map[string][]string{
		"addresses": {
			`[]`, `"10.0.0.7"`, `[1]`, `[null]`, `[""]`, `["db1"]`, `["1.2.3"]`, `["10.0.0.07"]`, `["10.0.0.7:80"]`, `["10.0.0.0/8"]`, `["10.0.0.256"]`,
			`["10.0.0.7",7]`, `["127.0.0.1","::1"]`, `["0.0.0.0"]`, `["0.255.255.255"]`, `["1.0.0.0"]`, `["169.253.255.255"]`, `["169.254.0.0"]`,
			`["169.254.255.255"]`, `["169.255.0.0"]`, `["223.255.255.255"]`, `["224.0.0.0"]`, `["239.255.255.255"]`, `["240.0.0.0"]`, `["255.255.255.254"]`,
			`["255.255.255.255"]`, `["2001:DB8:0:0::7"]`, `["::"]`, `["0::0"]`, `["0:0:0:0:0:0:0:0"]`, `["::0.0.0.0"]`, `["::1.2.3.4"]`, `["fe7f::1"]`, `["fe80::"]`,
			`["FE80::1"]`, `["febf::1"]`, `["fec0::1"]`, `["fe8::1"]`, `["feff::1"]`, `["ff00::"]`, `["FF02::1"]`, `["ffff::1"]`, `["fe80::1%eth0"]`, `["2001:db8::1%1"]`,
			`["::ffff:10.0.0.7"]`, `["::FFFF:a00:7"]`, `["0:0:0:0:0:ffff:10.0.0.7"]`, `["0:0::ffff:a00:7"]`, `["::ffff:0:a00:7"]`, `["0:0:0:ffff:1:2:3:4"]`,
			`["64:ff9b::ffff:1:2"]`, `["1::2::3"]`, `[":::"]`, `["1:2:3:4:5:6:7"]`,
			`[` + numberedTexts(32, `"10.0.0.%d"`) + `]`, `[` + numberedTexts(33, `"10.0.0.%d"`) + `]`,
		},
		"host": {
			`"a"`, `"db1.example.com"`, `"DB1.Example.COM."`, `"localhost"`, `"a.."`, `".a"`, `"."`, `"a..b"`, `"-a"`, `"a-.b"`, `"a_b"`, `"*.a"`, `"a b"`, `"a:80"`,
			`"10.0.0.7"`, `"10.0.0.7."`, `"a.1"`, `"1.a"`, `"10"`, `"2001:db8::7"`, `"xn--bcher-kva"`, `"b\u00fccher"`, `"\u212a8s.example"`, `"0x1"`, `["a"]`, `1`,
			`"` + label63 + `"`, `"` + label63 + `a"`, `"` + host(253) + `"`, `"` + host(253) + `."`, `"` + host(254) + `"`, `"` + host(254) + `."`,
		},
	}
	for member, values := range alone {
		for _, v := range values {
			texts = append(texts, fmt.Sprintf(`{%q:%s}`, member, v))
		}
	}
	labels := []string{
		`"a"`, `"0"`, `"a-b"`, `"a--b"`, `"A"`, `"a.b"`, `"_a"`, `"-a"`, `"a-"`, `"a b"`, `"a\n"`, `"b\u00fccher"`, `"` + label63 + `"`, `"` + label63 + `a"`, `1`, `{}`,
	}
	numbers := []string{`null`, `0`, `1`, `65535`, `65536`, `4294967295`, `4294967296`, `-1`, `1.5`, `80.0`, `8e1`, `-0`, `"7"`, `true`, `1e999`}
	beside := map[string][]string{
		"weight": numbers, "priority": numbers, "ttl": numbers,
		"locality": append([]string{`""`, `null`}, labels...),
		"tags": {
			`null`, `[]`, `["a","a"]`, `["a",null]`, `[""]`, `"a"`, `[1]`, `{}`, `[` + many(32, `"a"`) + `]`, `[` + many(33, `"a"`) + `]`,
			`[` + strings.Join(labels[:10], `],"x":[`) + `]`,
		},
		"metadata": {
			`null`, `{}`, `{"k":""}`, `{"k":null}`, `{"k":1}`, `{"":"v"}`, `{"a=b":"v"}`, `{" ~":"v"}`, `{"\u001f":"v"}`, `{"\u007f":"v"}`, `{"\u00e9":"v"}`, `["a"]`, `"a"`,
			`{"a":"b=c\n\u0000\u00e9"}`, `{"version":"1","Version":"2"}`, `{"version":"1","version":"1"}`, `{"` + label63 + `":"v"}`, `{"` + label63 + `a":"v"}`,
			`{"k":"` + strings.Repeat("v", 253) + `"}`, `{"k":"` + strings.Repeat("v", 254) + `"}`, `{"key":"` + strings.Repeat("v", 253) + `"}`,
			`{"k":"` + strings.Repeat("é", 127) + `"}`, `{` + strings.Join(metadata[:16], ",") + `}`, `{` + strings.Join(metadata, ",") + `}`,
		},
		"status": {`null`, `""`, `"up"`, `"draining"`, `"down"`, `"asleep"`, `"UP"`, `1`, `["up"]`},
		"static": {`null`, `true`, `false`, `"yes"`, `1`},
		"ports": {
			`null`, `[]`, `{}`, `80`, `[80]`, `[null]`, `[[]]`, `[` + numberedTexts(32, `{"name":"p%d","port":80}`) + `]`, `[` + numberedTexts(33, `{"name":"p%d","port":80}`) + `]`,
			`[{"port":80},{"port":81}]`, `[{"port":80},{"port":81,"protocol":"tcp"}]`, `[{"port":80},{"port":81,"protocol":"udp"}]`, `[{"port":80,"future":[]}]`,
			`[{"name":"a","port":80},{"name":"a","port":81}]`, `[{"name":"a","port":80},{"name":"b","port":80}]`,
			`[{}]`, `[{"name":"a"}]`, `[{"Port":80}]`, `[{"protocol":"sctp"}]`, `[{"protocol":"sctp","name":"No Name","port":0}]`, `[{"protocol":"sctp","port":70000}]`,
			`[{"protocol":"sctp","name":1}]`, `[{"protocol":6,"port":80}]`, `[{"protocol":"TCP","port":0}]`, `[{"protocol":"","port":80}]`, `[{"protocol":null,"port":0}]`,
		},
		"future": {`{"a":[1]}`, `null`, `{"a":1,"a":2}`, `"\ud800"`, "\"\xff\""},
		"Weight": {`"x"`}, "id": {`"Not A Label"`, `7`, `null`},
	}
	for _, n := range numbers {
		beside["ports"] = append(beside["ports"], `[{"port":`+n+`}]`)
	}
	for _, n := range []string{
		`null`, `""`, `"http"`, `"1a"`, `"h-2"`, `"abcdefghijklmno"`, `"abcdefghijklmnop"`, `"80"`, `"8-0"`, `"0-0-0-a"`, `"a--b"`, `"-a"`, `"a-"`, `"Http"`, `"a_b"`, `"dns-sd"`, `"dns-sd2"`, `"a\n"`, `1`,
	} {
		beside["ports"] = append(beside["ports"], `[{"port":80,"name":`+n+`}]`)
	}
	for _, l := range labels {
		beside["tags"] = append(beside["tags"], `["x",`+l+`]`)
	}
	for member, values := range beside {
		for _, v := range values {
			texts = append(texts, fmt.Sprintf(`{"addresses":["10.0.0.7"],%q:%s}`, member, v))
		}
	}
	return texts
}

// policyValues returns for each member of a policy values at the edges of its rules.
func policyValues() []string {
	label63 := strings.Repeat("a", 63)
	numbers := []string{
		`null`, `0`, `1`, `65535`, `65536`, `86400`, `86401`, `4294967295`, `4294967296`, `-1`, `1.5`, `60.0`, `6e1`, `-0`, `"7"`, `true`, `[1]`,
	}
	services := []string{
		`""`, `null`, `"a"`, `"a/b"`, `"a/b/c"`, `"/a"`, `"a/"`, `"/"`, `"A/b"`, `"a/B"`, `"a/_b"`, `"a/-b"`, `"a-/b"`, `"a b/c"`, `"a/b\n"`, `"dns/a"`, `"dns-2/a"`, `"a/dns"`,
		`"` + label63 + `/` + label63 + `"`, `"` + label63 + `a/b"`, `"a/` + label63 + `a"`, `1`, `{}`, `["a/b"]`,
	}
	members := map[string][]string{
		"ttl": numbers, "max_answers": numbers, "min_up": numbers, "keep_last": numbers, "alias": services,
		"failover": {
			`null`, `[]`, `{}`, `"a/b"`, `["a/b","c/d"]`, `["a/b","a/b"]`, `["a/b","a/c","a/b"]`, `["a/b",null]`,
			`[` + numberedTexts(8, `"a/s%d"`) + `]`, `[` + numberedTexts(9, `"a/s%d"`) + `]`,
		},
		"future": {`{"a":[1]}`, `null`, `{"a":1,"a":2}`}, "TTL": {`"x"`},
	}
	for _, s := range services {
		members["failover"] = append(members["failover"], `["x/y",`+s+`]`)
	}
	texts := []string{`{}`, `null`, `[]`, `"a/b"`, `{"ttl":1,"ttl":1}`, `{"future":"` + strings.Repeat("x", 64<<10) + `"}`, ``, `{}x`}
	for member, values := range members {
		for _, v := range values {
			texts = append(texts, fmt.Sprintf(`{%q:%s}`, member, v))
		}
	}
	return texts
}

func serviceValues() []string {
	texts := []string{
		`{}`, `null`, `[]`, `{"name":null}`, `{"name":"Orders"}`, `{"name":"dns"}`, `{"name":"orders"}`, `{"name":"orders","Name":"orders"}`, `{"name":"orders","instance":[]}`,
		`{"name":"orders","namespace":null}`, `{"name":"orders","namespace":""}`, `{"name":"orders","namespace":"shop"}`, `{"name":"orders","namespace":"dns"}`,
		`{"name":"orders","namespace":"A"}`, `{"name":"orders","revision":"x","stale":7}`, `{"name":"orders","instances":null}`, `{"name":"orders","instances":{}}`,
		`{"name":"orders","name":"orders"}`, `{"name":"orders","instances":[{"addresses":["10.0.0.7"]},{"addresses":["10.0.0.7"]}]}`,
		`{"name":"orders","instances":[{"id":"a","addresses":["10.0.0.7"]},{"id":"a","addresses":["10.0.0.8"]}]}`, `{"name":"orders","instances":[null]}`,
	}
	instances := append(instanceValues()[:18:18], // what has no member named
		`{"id":null,"host":"a.example"}`, `{"id":"","host":"a.example"}`, `{"id":"a","host":"a.example"}`, `{"id":"A","host":"a.example"}`, `{"id":1,"host":"a.example"}`,
		`{"host":"a.example","status":"up"}`, `{"host":"a.example","status":"asleep"}`, `{"host":"a.example","status":""}`, `{"host":"a.example","status":null}`,
		`{"host":"a.example","weigth":1}`, `{"host":"a.example","Weight":1}`, `{"host":"a.example","ports":[{"port":80,"protocol":"udp"}]}`,
		`{"host":"a.example","ports":[{"port":80,"protocol":"sctp"}]}`, `{"host":"a.example","ports":[{"port":80,"proto":"tcp"}]}`,
		`{"host":"a.example","ports":[{"port":80,"protocol":null,"name":null}]}`, `{"host":"a.example","ports":[{"port":80},{"port":81}]}`,
		`{"host":"a.example","metadata":{"a":"","A":""}}`, `{"host":"a.example","tags":["T"]}`, `{"host":"a.example","ports":null,"tags":null,"metadata":null}`,
	)
	for _, in := range instances {
		texts = append(texts, `{"name":"orders","instances":[`+in+`]}`)
	}
	return texts
}
