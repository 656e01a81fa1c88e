package e2e_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// front is one of CoreDNS's plugins in front of roster.
type front struct {
	// directive is how it stands in a server block, in which {{port "other NN"}} is a
	// port of its own.
	directive string
	// raw says that roster's answers go past it as octets, to the questions below.
	raw bool
	// listener says that it is about all that a listener answers.
	listener bool
}

// fronts are the plugins that can be in front of roster.
var fronts = map[string]front{
	"acl":         {directive: "acl {\n block net 192.0.2.0/24\n}", raw: true},
	"any":         {directive: "any", raw: true},
	"auto":        {directive: "auto other.internal {\n directory DIR\n}", raw: true},
	"autopath":    {directive: "autopath DIR/resolv.conf", raw: true},
	"bufsize":     {directive: "bufsize 600", raw: true},
	"cache":       {directive: "cache", raw: true},
	"cancel":      {directive: "cancel 5s", raw: true},
	"chaos":       {directive: "chaos", raw: true},
	"debug":       {directive: "debug", raw: true},
	"dns64":       {directive: "dns64", raw: true},                      // to questions for other types than AAAA
	"dnssec":      {directive: "dnssec {\n key file KEY\n}", raw: true}, // to clients without DO
	"dnstap":      {directive: "dnstap DIR/socket"},
	"dynupdate":   {directive: "dynupdate other.internal {\n file DIR/zone\n allow key. @ A\n}", raw: true},
	"errors":      {directive: "errors", raw: true},
	"file":        {directive: "file DIR/zone other.internal", raw: true},
	"header":      {directive: "header {\n response set ra\n}"},
	"health":      {directive: `health 127.0.0.1:{{port "other NN"}}`, raw: true},
	"hosts":       {directive: "hosts {\n 192.0.2.1 other.internal\n fallthrough\n}", raw: true},
	"loadbalance": {directive: "loadbalance"},
	"local":       {directive: "local", raw: true},
	"log":         {directive: "log"},
	"metadata":    {directive: "metadata", raw: true},
	"minimal":     {directive: "minimal"},
	"multisocket": {directive: "multisocket 2", raw: true, listener: true},
	"nsid":        {directive: "nsid here", raw: true}, // to clients that don't ask for it
	"pprof":       {directive: `pprof 127.0.0.1:{{port "other NN"}}`, raw: true},
	"prometheus":  {directive: `prometheus 127.0.0.1:{{port "other NN"}}`, raw: true},
	"proxyproto":  {directive: "proxyproto {\n allow 192.0.2.0/24\n}", raw: true, listener: true},
	"ready":       {directive: `ready 127.0.0.1:{{port "ready"}}`, raw: true},
	"reload":      {directive: "reload", raw: true},
	"rewrite":     {directive: "rewrite name suffix .local. .internal. answer auto", raw: true},
	"root":        {directive: "root DIR", raw: true},
	"shed":        {directive: "shed", listener: true},
	"siit":        {directive: "siit"}, // to questions for A
	"template":    {directive: "template ANY ANY other.internal {\n rcode NXDOMAIN\n fallthrough\n}", raw: true},
	"timeouts":    {directive: "timeouts {\n read 10s\n}", raw: true, listener: true},
	"trace":       {directive: "trace 127.0.0.1:1"},
	"transfer":    {directive: "transfer {\n to 192.0.2.1\n}", raw: true},
	"tsig":        {directive: "tsig {\n secret key. c2VjcmV0IG9mIHRoZSB0ZXN0\n}", raw: true},
	"view":        {directive: "view all {\n expr true\n}", raw: true},
}

// notInFront says why the others are not compared.
var notInFront = map[string]string{
	"roster": "is what is in front of", "etcdserver": "handles no queries", "on": "handles no queries", "bind": "handles no queries; is in each block",
	"etcd": behind, "loop": behind, "forward": behind, "grpc": behind, "erratic": behind, "whoami": behind, "sign": behind, "nomad": behind,
	"tls": transport, "https": transport, "https3": transport, "quic": transport, "grpc_server": transport,
	"azure": needsService, "clouddns": needsService, "route53": needsService, "kubernetes": needsService, "secondary": needsService, "k8s_external": needsService,
	"geoip": "needs a database",
}

const (
	behind       = "comes after roster"
	transport    = "is a setting of another transport, which TestTransports asks"
	needsService = "starts only with a service; hands on what is not of its zones, as file does"
)

// frontBlock is a server block with a plugin in front: as it is, and in front of log besides,
// which has to see messages.
const frontBlock = `ZONE:{{port "PORT"}} {
	bind 127.0.0.1
	DIRECTIVE
	MESSAGES
	roster {
		endpoint ETCD
		ns ns.dns.ZONE 192.0.2.53
	}
}
`

// TestPluginsInFront compares, with each plugin in front, what clients get where roster
// writes octets with what they get where it writes messages: a plugin that changes
// messages, counts or records them, must see them all the same. A plugin that a next
// version of CoreDNS brings has to be added above.
func TestPluginsInFront(t *testing.T) {
	t.Parallel()
	names := slices.Sorted(maps.Keys(fronts))
	known := slices.Sorted(maps.Keys(notInFront))
	if got, want := pluginsOf(t), slices.Sorted(slices.Values(slices.Concat(names, known))); !slices.Equal(got, want) {
		t.Fatalf("CoreDNS has the plugins %v, this test %v", got, want)
	}
	corefile := block + "\troster {\n\t\tendpoint ETCD\n\t}\n}\n"
	for i, name := range names {
		corefile += frontBlocks(i, fronts[name])
	}
	_, key := signingKeyOf(t, "internal") // above all zones
	w := startWired(t, corefile, "KEY", key, "DIR", filesInFront(t))
	for i, name := range names {
		t.Run(name, func(t *testing.T) { compareInFront(t, w, i, fronts[name]) })
	}
}

// pluginsOf returns the plugins that CoreDNS was built with.
func pluginsOf(t *testing.T) (names []string) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), harness.Binary(t, "coredns"), "-plugins").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		name := strings.TrimPrefix(strings.TrimSpace(line), "dns.")
		if name != "" && !strings.Contains(name, " ") { // else a heading
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// filesInFront returns a folder with the files that plugins need to start.
func filesInFront(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"zone":        "$TTL 5\n@ SOA ns hostmaster 1 3600 600 86400 5\n@ NS ns\nns A 192.0.2.53\n",
		"resolv.conf": "search other.internal\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// frontZone and frontPort are the zone and the port of a block with plugin i in front.
func frontZone(i int, messages bool) string {
	if messages {
		return fmt.Sprintf("m%02d.internal", i)
	}
	return fmt.Sprintf("o%02d.internal", i)
}

func frontPort(i int, f front, messages bool) string {
	if f.listener {
		return frontZone(i, messages)
	}
	return "dns"
}

// frontBlocks are both blocks.
func frontBlocks(i int, f front) (blocks string) {
	for _, messages := range []bool{false, true} {
		see := ""
		if messages && f.directive != "log" {
			see = "log {\n class error\n}"
		}
		directive := strings.ReplaceAll(f.directive, "other NN", "other "+frontZone(i, messages))
		blocks += strings.NewReplacer(
			"ZONE", frontZone(i, messages), "PORT", frontPort(i, f, messages), "DIRECTIVE", directive, "MESSAGES", see,
		).Replace(frontBlock)
	}
	return blocks
}

// inFront are the questions, below a zone.
var inFront = []struct {
	name  string
	qtype uint16
}{
	{"few.default", dns.TypeA},
	{"_http._tcp.few.default", dns.TypeSRV},
	{"FEW.default", dns.TypeSRV},
	{"few.default", dns.TypeAAAA},
	{"six.default", dns.TypeA},
	{"six.default", dns.TypeAAAA},
	{"many.default", dns.TypeA},
	{"_http._tcp.many.default", dns.TypeSRV},
	{"unknown.default", dns.TypeA},
	{"nope.default", dns.TypeA},
	{"i0.few.default", dns.TypeANY},
}

// compareInFront compares what clients get of both blocks of a plugin.
func compareInFront(t *testing.T, w *wired, i int, f front) {
	addr := func(messages bool) string {
		return fmt.Sprintf("127.0.0.1:%d", w.Port(t, frontPort(i, f, messages)))
	}
	ask := func(messages, tcp bool, question int, size uint16, do bool) *dns.Msg {
		q := inFront[question]
		m := asking(q.name+"."+frontZone(i, messages)+".", q.qtype, size, do)
		m.Id = 7 // of both answers
		if tcp {
			return askTCP(t, addr(messages), m)
		}
		got, _ := askUDP(t, addr(messages), m)
		return got
	}
	for question := range inFront {
		for _, tcp := range []bool{false, true} {
			for _, do := range []bool{false, true} {
				for _, size := range []uint16{0, 1232, 4096} {
					octets, messages := ask(false, tcp, question, size, do), ask(true, tcp, question, size, do)
					if got, want := inWords(octets, i), inWords(messages, i); got != want {
						t.Errorf("octets:\n%s\nmessages:\n%s", got, want)
					}
				}
			}
		}
	}
	for messages, raw := range map[bool]bool{false: f.raw, true: false} {
		m, n := askUDP(t, addr(messages), asking("few.default."+frontZone(i, messages)+".", dns.TypeA, 1232, false))
		m.Compress = false
		if got := n < m.Len(); got != raw { // messages are not compressed where they fit without
			t.Errorf("in front of messages %v: answers in octets: %v, want %v", messages, got, raw)
		}
	}
}

// inWords is what two answers have in common that differ in the order of records alone,
// and where not all are there in which ones are.
func inWords(m *dns.Msg, i int) string {
	for _, section := range []*[]dns.RR{&m.Answer, &m.Ns, &m.Extra} {
		*section = slices.DeleteFunc(*section, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeRRSIG }) // differs each time
	}
	glue := count(m.Extra, dns.TypeA)
	some := m.Truncated || glue > 0 && glue < count(m.Answer, dns.TypeSRV)
	var out strings.Builder
	fmt.Fprintln(&out, m.MsgHdr, strings.ReplaceAll(m.Question[0].String(), frontZone(i, true), frontZone(i, false)))
	for _, section := range [][]dns.RR{m.Answer, m.Ns, m.Extra} {
		fmt.Fprintln(&out, len(section))
		lines := make([]string, len(section))
		for k, rr := range section {
			lines[k] = strings.ReplaceAll(rr.String(), frontZone(i, true), frontZone(i, false))
			if some && rr.Header().Rrtype != dns.TypeOPT {
				lines[k] = dns.TypeToString[rr.Header().Rrtype]
			}
		}
		slices.Sort(lines)
		fmt.Fprintln(&out, strings.Join(lines, "\n"))
	}
	return out.String()
}
