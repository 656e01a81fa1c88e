package e2e_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/harness"
)

// behindPlugins is a coredns in which each zone has another of CoreDNS's plugins in
// front of roster. All answer from the same registry.
const behindPlugins = block + `
	roster {
		endpoint ETCD
	}
}
(zone) {
	bind 127.0.0.1
	errors
	roster {
		endpoint ETCD
	}
}
cache.internal:{{port "dns"}} {
	import zone
	cache
}
dnssec.internal:{{port "dns"}} {
	import zone
	prometheus 127.0.0.1:{{port "metrics"}}
	dnssec {
		key file KEY
	}
}
rewrite.internal:{{port "dns"}} {
	bind 127.0.0.1
	rewrite name suffix .rewrite.internal. .svc.internal. answer auto
	roster svc.internal {
		endpoint ETCD
	}
}
view.internal:{{port "dns"}} {
	bind 127.0.0.1
	view second {
		expr client_ip() == '127.0.0.2'
	}
	roster {
		endpoint ETCD
		max_ttl 0
	}
}
view.internal:{{port "dns"}} {
	import zone
}
acl.internal:{{port "dns"}} {
	import zone
	acl {
		block net 127.0.0.2/32
	}
}
loadbalance.internal:{{port "dns"}} {
	import zone
	loadbalance
}
minimal.internal:{{port "dns"}} {
	import zone
	minimal
}
tsig.internal:{{port "dns"}} {
	import zone
	tsig {
		secret key.example. c2VjcmV0IG9mIHRoZSB0ZXN0
		require all
	}
}
dns64.internal:{{port "dns"}} {
	import zone
	dns64 {
		prefix 64:ff9b::/96
		allow_ipv4
	}
}
hosts.internal:{{port "dns"}} {
	import zone
}
.:{{port "dns"}} {
	bind 127.0.0.1
	hosts {
		192.0.2.80 known.example.com
	}
}
.:{{port "alone"}} {
	bind 127.0.0.1
	roster svc.internal {
		endpoint ETCD
		fallthrough
	}
}
`

// wired is a coredns with a registry for questions of how answers get to clients:
// default/many has instances of that number, default/few and default/spelled nine, and
// default/some nine of which answers have three.
type wired struct {
	*harness.CoreDNS
	etcd *harness.Etcd
}

const manyInstances = 200

// startWired starts it with a Corefile in which ETCD stands for the endpoint.
func startWired(t *testing.T, corefile string, replace ...string) *wired {
	t.Helper()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	var ops []clientv3.Op
	put := func(key, value string) {
		ops = append(ops, clientv3.OpPut("/roster/default/"+key, `{"static":true,`+value+"}"))
	}
	for i := range manyInstances {
		put(fmt.Sprintf("many/i%03d", i), fmt.Sprintf(`"addresses":["10.1.0.%d"],"ports":[{"name":"http","port":8080}]`, i+1))
	}
	for i := range 9 {
		put(fmt.Sprintf("few/i%d", i), fmt.Sprintf(`"addresses":["10.2.0.%d"],"ttl":1,"ports":[{"name":"http","port":8080}]`, i+1))
	}
	for i := range 9 {
		put(fmt.Sprintf("spelled/i%d", i), fmt.Sprintf(`"addresses":["10.4.0.%d"],"ttl":1,"ports":[{"name":"http","port":8080}]`, i+1))
	}
	for i := range 9 {
		put(fmt.Sprintf("some/i%d", i), fmt.Sprintf(`"addresses":["10.3.0.%d"],"ports":[{"name":"http","port":8080}]`, i+1))
	}
	put("some/_policy", `"max_answers":3`)
	put("six/a", `"addresses":["2001:db8::6"]`)
	put("known/a", `"host":"known.example.com"`)
	put("unknown/a", `"host":"unknown.example.com"`)
	put("alias/a", `"host":"i0.spelled.default.dnssec.internal"`)
	for chunk := range slices.Chunk(ops, 100) { // etcd takes 128 in one
		if _, err := e.Client().Txn(t.Context()).Then(chunk...).Commit(); err != nil {
			t.Fatal(err)
		}
	}
	corefile = strings.NewReplacer(append(replace, "ETCD", e.Endpoints[0])...).Replace(corefile)
	return &wired{harness.StartCoreDNS(t, corefile), e}
}

// askUDP sends a query by UDP, from an address of this machine if one is given, and
// returns the answer and its size in octets.
func askUDP(t *testing.T, addr string, m *dns.Msg, from ...string) (*dns.Msg, int) {
	t.Helper()
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	return sendUDP(t, addr, wire, from...)
}

// sendUDP is askUDP of a query as it is on the wire.
func sendUDP(t *testing.T, addr string, wire []byte, from ...string) (*dns.Msg, int) {
	t.Helper()
	dialer := net.Dialer{}
	for _, ip := range from {
		dialer.LocalAddr = &net.UDPAddr{IP: net.ParseIP(ip)}
	}
	conn, err := dialer.Dial("udp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }() // nothing is written any more
	buffer := make([]byte, dns.MaxMsgSize)
	if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(wire); err != nil {
		t.Fatal(err)
	}
	n, err := conn.Read(buffer)
	if err != nil {
		t.Fatal(err)
	}
	got := new(dns.Msg)
	if err := got.Unpack(buffer[:n]); err != nil {
		t.Fatal(err)
	}
	return got, n
}

// askTCP sends a query by TCP.
func askTCP(t *testing.T, addr string, m *dns.Msg) *dns.Msg {
	t.Helper()
	c := dns.Client{Net: "tcp", Timeout: harness.Patience}
	got, _, err := c.Exchange(m, addr)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// asking returns a question, with EDNS where size is not 0.
func asking(name string, qtype, size uint16, do bool) *dns.Msg {
	m := new(dns.Msg).SetQuestion(name, qtype)
	if size > 0 {
		m.SetEdns0(size, do)
	}
	return m
}

// optLast returns the OPT record of an answer, which must be the last one.
func optLast(t *testing.T, m *dns.Msg) *dns.OPT {
	t.Helper()
	if n := len(m.Extra); n > 0 {
		if opt, ok := m.Extra[n-1].(*dns.OPT); ok {
			return opt
		}
	}
	t.Errorf("OPT is not the last record: %v", m)
	return new(dns.OPT)
}

// count returns how many records of a section are of a type.
func count(section []dns.RR, rrtype uint16) (n int) {
	for _, rr := range section {
		if rr.Header().Rrtype == rrtype {
			n++
		}
	}
	return n
}

// TestPlugins answers through each of CoreDNS's plugins that change, store or turn
// down answers.
func TestPlugins(t *testing.T) {
	t.Parallel()
	key, file := signingKey(t)
	w := startWired(t, behindPlugins, "KEY", file)
	addr := w.Addr(t)
	for name, test := range map[string]func(*testing.T){
		"cache":       func(t *testing.T) { behindCache(t, w) },
		"dnssec":      func(t *testing.T) { behindDNSSEC(t, w, key) },
		"spelling":    func(t *testing.T) { spelledBehindDNSSEC(t, w, key) },
		"tsig":        func(t *testing.T) { behindTSIG(t, addr) },
		"rewrite":     func(t *testing.T) { behindRewrite(t, addr) },
		"view":        func(t *testing.T) { behindView(t, addr) },
		"acl":         func(t *testing.T) { behindACL(t, addr) },
		"loadbalance": func(t *testing.T) { behindLoadbalance(t, addr) },
		"minimal":     func(t *testing.T) { behindMinimal(t, addr) },
		"dns64":       func(t *testing.T) { behindDNS64(t, addr) },
		"hosts":       func(t *testing.T) { besideHosts(t, addr) },
		"alone":       func(t *testing.T) { alone(t, fmt.Sprintf("127.0.0.1:%d", w.Port(t, "alone"))) },
	} {
		t.Run(name, test)
	}
}

// behindCache: no client gets what was cut for another, or for longer than its TTL.
func behindCache(t *testing.T, w *wired) {
	const name = "_http._tcp.few.default.cache.internal."
	addr := w.Addr(t)
	first, _ := askUDP(t, addr, asking(name, dns.TypeSRV, 0, false))
	second, _ := askUDP(t, addr, asking(name, dns.TypeSRV, 1232, false))
	third := askTCP(t, addr, asking(name, dns.TypeSRV, 0, false))
	if count(first.Extra, dns.TypeA) >= 9 || count(second.Extra, dns.TypeA) != 9 || count(third.Extra, dns.TypeA) != 9 {
		t.Errorf("want all addresses with 1232 octets and by TCP:\n%v\n%v\n%v", first, second, third)
	}
	for range 2 {
		if got, _ := askUDP(t, addr, asking("few.default.cache.internal.", dns.TypeA, 0, false)); len(got.Answer) == 0 || got.Answer[0].Header().Ttl != 1 {
			t.Errorf("want a TTL of 1: %v", got)
		}
		if got, _ := askUDP(t, addr, asking("_status.cache.internal.", dns.TypeTXT, 0, false)); len(got.Answer) != 5 || got.Answer[0].Header().Ttl != 0 {
			t.Errorf("want a TTL of 0: %v", got)
		}
	}
	if n := w.Metrics(t).Sum("coredns_cache_entries"); n != 0 {
		t.Errorf("%v answers are in the cache", n)
	}
}

// behindTSIG: an answer by UDP has room for its signature.
func behindTSIG(t *testing.T, addr string) {
	for _, size := range []uint16{0, 512, 1232} {
		for qtype, name := range map[uint16]string{dns.TypeA: "many.default.tsig.internal.", dns.TypeSRV: "_http._tcp.few.default.tsig.internal."} {
			m := asking(name, qtype, size, false)
			m.SetTsig("key.example.", dns.HmacSHA256, 300, time.Now().Unix())
			wire, _, err := dns.TsigGenerate(m, "c2VjcmV0IG9mIHRoZSB0ZXN0", "", false)
			if err != nil {
				t.Fatal(err)
			}
			got, n := sendUDP(t, addr, wire)
			if most := int(max(size, 512)); n > most || got.Rcode != dns.RcodeSuccess || len(got.Answer) == 0 || got.IsTsig() == nil {
				t.Errorf("%s, size %d: %d octets: %v", name, size, n, got)
			}
			if all := count(got.Answer, qtype) == map[uint16]int{dns.TypeA: manyInstances, dns.TypeSRV: 9}[qtype]; got.Truncated == all {
				t.Errorf("%s, size %d: %d records, TC %v", name, size, len(got.Answer), got.Truncated)
			}
		}
	}
}

// behindRewrite: names come back as they were asked for.
func behindRewrite(t *testing.T, addr string) {
	const name = "_http._tcp.Few.default.rewrite.internal."
	got, _ := askUDP(t, addr, asking(name, dns.TypeSRV, 1232, false))
	optLast(t, got)
	if count(got.Answer, dns.TypeSRV) != 9 || got.Question[0].Name != name {
		t.Errorf("want 9 records of the name: %v", got)
	}
	got, _ = askUDP(t, addr, asking("nope.default.rewrite.internal.", dns.TypeA, 0, false))
	if got.Rcode != dns.RcodeNameError || count(got.Ns, dns.TypeSOA) != 1 {
		t.Errorf("want NXDOMAIN: %v", got)
	}
}

// behindView: a client gets the answers of its view.
func behindView(t *testing.T, addr string) {
	for client, ttl := range map[string]uint32{"127.0.0.1": 1, "127.0.0.2": 0} {
		got, _ := askUDP(t, addr, asking("few.default.view.internal.", dns.TypeA, 0, false), client)
		if len(got.Answer) != 9 || got.Answer[0].Header().Ttl != ttl {
			t.Errorf("%s: want 9 records with a TTL of %d: %v", client, ttl, got)
		}
	}
}

// behindACL: what is blocked is refused.
func behindACL(t *testing.T, addr string) {
	for client, rcode := range map[string]int{"127.0.0.1": dns.RcodeSuccess, "127.0.0.2": dns.RcodeRefused} {
		got, _ := askUDP(t, addr, asking("few.default.acl.internal.", dns.TypeA, 1232, false), client)
		if optLast(t, got); got.Rcode != rcode {
			t.Errorf("%s: %v, want %s", client, got, dns.RcodeToString[rcode])
		}
	}
}

// behindLoadbalance: an answer keeps its records, and its OPT record last.
func behindLoadbalance(t *testing.T, addr string) {
	for range 20 {
		got, _ := askUDP(t, addr, asking("_http._tcp.few.default.loadbalance.internal.", dns.TypeSRV, 1232, false))
		if count(got.Answer, dns.TypeSRV) != 9 || count(got.Extra, dns.TypeA) != 9 || got.Truncated || got.IsEdns0() == nil {
			t.Fatalf("want 9 records and their addresses: %v", got)
		}
	}
}

// behindMinimal: addresses of targets are left out, and nothing else.
func behindMinimal(t *testing.T, addr string) {
	got, _ := askUDP(t, addr, asking("_http._tcp.few.default.minimal.internal.", dns.TypeSRV, 1232, false))
	if optLast(t, got); count(got.Answer, dns.TypeSRV) != 9 || len(got.Extra) != 1 {
		t.Errorf("want 9 records alone: %v", got)
	}
	got, _ = askUDP(t, addr, asking("few.default.minimal.internal.", dns.TypeAAAA, 1232, false))
	if optLast(t, got); got.Rcode != dns.RcodeSuccess || count(got.Ns, dns.TypeSOA) != 1 {
		t.Errorf("want NODATA: %v", got)
	}
}

// behindDNS64: what has no IPv6 address gets one, and what has one keeps it.
func behindDNS64(t *testing.T, addr string) {
	for name, want := range map[string]int{"few.default.dns64.internal.": 9, "six.default.dns64.internal.": 1} {
		got, _ := askUDP(t, addr, asking(name, dns.TypeAAAA, 1232, false))
		optLast(t, got)
		synthetic := 0
		for _, rr := range got.Answer {
			if a, ok := rr.(*dns.AAAA); ok && strings.HasPrefix(a.AAAA.String(), "64:ff9b::") {
				synthetic++
			}
		}
		if count(got.Answer, dns.TypeAAAA) != want || (synthetic == want) != (want == 9) {
			t.Errorf("%s: %v", name, got)
		}
	}
	if got, _ := askUDP(t, addr, asking("nope.default.dns64.internal.", dns.TypeAAAA, 1232, false)); got.Rcode != dns.RcodeNameError {
		t.Errorf("want NXDOMAIN: %v", got)
	}
}

// besideHosts: a host that another block knows comes with its address, one that it
// doesn't know, so that it fails, as the CNAME alone.
func besideHosts(t *testing.T, addr string) {
	for service, want := range map[string]int{"known": 2, "unknown": 1} {
		for _, name := range []string{service + ".default.hosts.internal.", "a." + service + ".default.hosts.internal."} {
			got, _ := askUDP(t, addr, asking(name, dns.TypeA, 1232, false))
			if optLast(t, got); got.Rcode != dns.RcodeSuccess || len(got.Answer) != want || got.Answer[0].Header().Rrtype != dns.TypeCNAME {
				t.Errorf("%s: %v", name, got)
			}
		}
	}
}

// alone: without a plugin behind, what is outside is refused, and what would fall
// through is denied.
func alone(t *testing.T, addr string) {
	got, _ := askUDP(t, addr, asking("www.example.com.", dns.TypeA, 1232, true))
	if opt := optLast(t, got); got.Rcode != dns.RcodeRefused || !opt.Do() {
		t.Errorf("outside: want REFUSED: %v", got)
	}
	got, _ = askUDP(t, addr, asking("nope.default.svc.internal.", dns.TypeA, 1232, true))
	if opt := optLast(t, got); got.Rcode != dns.RcodeNameError || !opt.Do() {
		t.Errorf("want NXDOMAIN: %v", got)
	}
}
