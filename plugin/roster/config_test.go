package roster

import (
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/pkg/fall"

	"github.com/rosterdns/roster/internal/etcdclient"
)

func defaults() config {
	return config{
		origins:        []string{"svc.internal."},
		registry:       registryConfig{etcd: etcdclient.Config{Endpoints: []string{"http://127.0.0.1:2379"}}, prefix: "/roster"},
		ttls:           ttls{5, 0, 3600},
		maxUDP:         1232,
		startupTimeout: 5 * time.Second,
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		block string
		want  func(*config)
	}{
		{"roster", func(*config) {}},
		{"roster {\n}", func(*config) {}},
		{"roster Other.Example. svc.internal", func(c *config) { c.origins = []string{"other.example.", "svc.internal."} }},
		{"roster 10.0.0.0/8 svc.internal 2001:db8::/32", func(c *config) {
			c.origins = []string{"10.in-addr.arpa.", "svc.internal.", "8.b.d.0.1.0.0.2.ip6.arpa."}
		}},
		{"roster {\n endpoint http://a:1 http://b:2\n}", func(c *config) { c.registry.etcd.Endpoints = []string{"http://a:1", "http://b:2"} }},
		{"roster {\n endpoint https://a:1\n}", func(c *config) { c.registry.etcd.Endpoints = []string{"https://a:1"} }},
		{"roster {\n prefix services/eu/\n}", func(c *config) { c.registry.prefix = "/services/eu" }},
		{"roster {\n namespaces b a b\n}", func(c *config) { c.registry.namespaces = []string{"a", "b"} }},
		{"roster {\n credentials root \"top secret\"\n}", func(c *config) {
			c.registry.etcd.Username, c.registry.etcd.Password = "root", "top secret"
		}},
		{"roster {\n tls\n endpoint https://a:1\n}", func(c *config) {
			c.registry.etcd.Endpoints, c.registry.etcd.Files = []string{"https://a:1"}, &etcdclient.TLSFiles{}
		}},
		{"roster {\n ttl 30\n min_ttl 1\n max_ttl 2147483647\n}", func(c *config) { c.ttls = ttls{30, 1, 2147483647} }},
		{"roster {\n ttl 0\n max_ttl 0\n}", func(c *config) { c.ttls = ttls{0, 0, 0} }},
		{"roster {\n ns NS1.svc.internal 192.0.2.1 2001:db8::1\n ns ns.example.org\n ns ns1.svc.internal. 192.0.2.2\n}", func(c *config) {
			c.nameServers = []nameServer{
				{name: "ns1.svc.internal.", addresses: []netip.Addr{
					netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.2"),
				}},
				{name: "ns.example.org.", addresses: []netip.Addr{}},
			}
		}},
		{"roster internal {\n ns internal\n}", func(c *config) {
			c.origins = []string{"internal."}
			c.nameServers = []nameServer{{name: "internal.", addresses: []netip.Addr{}}}
		}},
		{"roster . {\n ns ns1 192.0.2.1\n}", func(c *config) {
			c.origins = []string{"."}
			c.nameServers = []nameServer{{name: "ns1.", addresses: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}}
		}},
		{"roster {\n fastpath\n}", func(c *config) { c.fastpath = true }},
		{"roster {\n max_answers 8\n}", func(c *config) { c.maxAnswers = 8 }},
		{"roster {\n locality 10.1.0.0/16 10.2.3.4 az1\n locality 10.1.2.0/24 10.1.0.0/16 az1\n ecs_trust 10.0.0.53 2001:db8::/32\n}", func(c *config) {
			c.clients = clients{
				nets: []localityNet{
					{netip.MustParsePrefix("10.2.3.4/32"), "az1"}, {netip.MustParsePrefix("10.1.2.0/24"), "az1"}, {netip.MustParsePrefix("10.1.0.0/16"), "az1"},
				},
				trusted: []netip.Prefix{netip.MustParsePrefix("10.0.0.53/32"), netip.MustParsePrefix("2001:db8::/32")},
			}
		}},
		{"roster {\n max_udp 512\n}", func(c *config) { c.maxUDP = 512 }},
		{"roster {\n max_udp 4096\n}", func(c *config) { c.maxUDP = 4096 }},
		{"roster {\n startup_timeout 1m30s\n}", func(c *config) { c.startupTimeout = 90 * time.Second }},
		{"roster {\n startup_timeout 0\n}", func(c *config) { c.startupTimeout = 0 }},
		{"roster {\n fallthrough\n}", func(c *config) { c.fall = fall.Root }},
		{"roster {\n fallthrough A.svc.internal b.svc.internal\n}", func(c *config) {
			c.fall.Zones = []string{"a.svc.internal.", "b.svc.internal."}
		}},
	} {
		got, err := parseBlock(tt.block)
		if err != nil {
			t.Errorf("%q: %v", tt.block, err)
			continue
		}
		want := defaults()
		tt.want(&want)
		got.stated = nil // where errors would be
		if !reflect.DeepEqual(*got, want) {
			t.Errorf("%q: parsed\n%+v\nwant\n%+v", tt.block, *got, want)
		}
	}
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	long := strings.Repeat(strings.Repeat("x", 60)+".", 4) // 244 octets and the root's
	const known = "; roster has allow_net, credentials, credentials_file, deny_net, ecs_trust, endpoint, fallthrough, fastpath, keep_last, locality, max_answers, max_ttl, max_udp, min_ttl, namespaces, " +
		"ns, prefix, protect, snapshot, snapshot_max_age, stale, startup_timeout, tls, ttl"
	for _, tt := range []struct {
		block string
		line  string
		want  string
	}{
		{"roster {\n color red\n}", "2", `unknown property "color"` + known},
		// Of later versions.
		{"roster {\n snapshots /tmp/x\n}", "2", `unknown property "snapshots"` + known},
		{"roster {\n ttl 5\n ttl 5\n}", "3", "ttl appears twice, first at Testfile:2"},
		{"roster {\n endpoint http://a:1\n endpoint http://b:1\n}", "3", "endpoint appears twice, first at Testfile:2"},
		{"roster {\n}\nroster", "3", "roster appears twice in one server block"},
		{"roster\nroster", "2", "roster appears twice in one server block"},
		{"roster 10.in-addr.arpa", "1", `all zones are reverse zones, as "10.in-addr.arpa.": add one that the names they point to are in`},
		{"roster 10.0.0.0/8 ip6.arpa", "1", `all zones are reverse zones, as "10.in-addr.arpa.": add one that the names they point to are in`},
		{"roster svc.internal bad..zone", "1", `"bad..zone" is not a zone`},
		{"roster " + long, "1", `zone "` + long + `" is so long that names in it would have more than 255 octets`},
		{"roster {\n endpoint\n}", "2", "endpoint: needs a URL such as http://127.0.0.1:2379"},
		{"roster {\n endpoint localhost:2379\n}", "2", `endpoint: endpoint "localhost:2379" is not a URL such as http://127.0.0.1:2379 or https://etcd.example.com:2379`},
		{"roster {\n endpoint \"\"\n}", "2", `endpoint: endpoint "" is not a URL such as http://127.0.0.1:2379 or https://etcd.example.com:2379`},
		{"roster {\n ttl 1\n endpoint http://a:1 https://b:1\n ttl 5\n}", "4", "ttl appears twice, first at Testfile:2"},
		{"roster {\n ttl 1\n endpoint http://a:1 https://b:1\n max_ttl 5\n}", "3", "endpoint: endpoints mix http and https: use one scheme for all"},
		{"roster {\n endpoint http://root:hunter2@a:1\n}", "2", `endpoint: endpoint "…@a:1" has more than scheme, host and port`},
		{"roster {\n prefix\n}", "2", "prefix: needs a path such as /roster, and nothing else"},
		{"roster {\n prefix a b\n}", "2", "prefix: needs a path such as /roster, and nothing else"},
		{"roster {\n prefix \"\"\n}", "2", "prefix: needs a path such as /roster, and nothing else"},
		{"roster {\n prefix a//b\n}", "2", `prefix: prefix "a//b" is not a path of printable ASCII components such as /roster`},
		{"roster {\n namespaces\n}", "2", "namespaces: needs at least one namespace"},
		{"roster {\n namespaces a dns\n}", "2", `namespaces: namespace "dns" is reserved`},
		{"roster {\n namespaces A\n}", "2", `namespaces: namespace "A" is not a DNS label: 1 to 63 of a-z, 0-9 and '-', no '-' at either end`},
		{"roster {\n credentials root\n}", "2", "credentials: needs a user and a password, and nothing else"},
		{"roster {\n credentials root hunter2 hunter2\n}", "2", "credentials: needs a user and a password, and nothing else"},
		{"roster {\n credentials \"\" \"\"\n}", "2", "credentials: needs a user and a password, and nothing else"},
		{"roster {\n credentials root hunter2\n credentials root hunter2\n}", "3", "credentials appears twice, first at Testfile:2"},
		{"roster {\n credentials_file\n}", "2", "credentials_file: needs the path of a file, and nothing else"},
		{"roster {\n credentials root hunter2\n credentials_file x\n ttl 5\n}", "3", "credentials_file: credentials are given both directly and as a file: use one"},
		{"roster {\n tls a b c d\n}", "2", "tls: takes at most three arguments, CERT KEY CACERT; found 4"},
		{"roster {\n tls \"\"\n}", "2", "tls: has an empty path"},
		{"roster {\n ttl 5\n tls\n startup_timeout 1s\n}", "3", "tls: TLS is configured but the endpoints use http: use https"},
		{"roster {\n ttl\n}", "2", "ttl: needs a number of seconds, and nothing else"},
		{"roster {\n ttl 5 6\n}", "2", "ttl: needs a number of seconds, and nothing else"},
		{"roster {\n ttl 5s\n}", "2", `ttl: "5s" is not a number of seconds from 0 to 2147483647`},
		{"roster {\n max_udp\n}", "2", "max_udp: needs a number of octets, and nothing else"},
		{"roster {\n max_udp 511\n}", "2", `max_udp: "511" is not a number of octets from 512 to 4096`},
		{"roster {\n max_udp 4097\n}", "2", `max_udp: "4097" is not a number of octets from 512 to 4096`},
		{"roster {\n max_udp 1k\n}", "2", `max_udp: "1k" is not a number of octets from 512 to 4096`},
		{"roster {\n min_ttl -1\n}", "2", `min_ttl: "-1" is not a number of seconds from 0 to 2147483647`},
		{"roster {\n max_ttl 2147483648\n}", "2", `max_ttl: "2147483648" is not a number of seconds from 0 to 2147483647`},
		{"roster {\n min_ttl 10\n max_ttl 9\n}", "2", "min_ttl: 10 is above max_ttl, which is 9"},
		{"roster {\n max_ttl 9\n ttl 5\n min_ttl 10\n}", "4", "min_ttl: 10 is above max_ttl, which is 9"},
		{"roster {\n ttl 5\n min_ttl 3601\n}", "3", "min_ttl: 3601 is above max_ttl, which is 3600"},
		{"roster {\n ns\n}", "2", "ns: needs a name"},
		{"roster {\n ns a..b\n}", "2", `ns: "a..b" is not a domain name`},
		{"roster {\n ns .\n}", "2", `ns: "." is not a domain name`},
		{"roster {\n ns 10.0.0.1\n}", "2", `ns: "10.0.0.1" is an IP address: NAME comes first`},
		{"roster {\n ns 2001:db8::1 ns.svc.internal\n}", "2", `ns: "2001:db8::1" is an IP address: NAME comes first`},
		{"roster {\n ns 10.0.0.300\n}", "2", `ns: "10.0.0.300" ends in a number, which a hostname can't`},
		{"roster {\n ns ns1\n}", "2", `ns: "ns1" is a single label outside the zones: write the full name, such as ns1.svc.internal.`},
		{"roster a.internal b.internal {\n ns NS1. 192.0.2.1\n}", "2", `ns: "NS1." is a single label outside the zones: write the full name, such as ns1.a.internal.`},
		{"roster {\n ns -\n}", "2", `ns: label "-" is not a DNS label: 1 to 63 of a-z, 0-9 and '-', no '-' at either end`},
		{"roster {\n ns ns-.svc.internal\n}", "2", `ns: label "ns-" is not a DNS label: 1 to 63 of a-z, 0-9 and '-', no '-' at either end`},
		{"roster {\n ns _x.svc.internal\n}", "2", `ns: label "_x" is not a DNS label: 1 to 63 of a-z, 0-9 and '-', no '-' at either end`},
		{"roster {\n ns \"foo bar.svc.internal\"\n}", "2", `ns: label "foo bar" is not a DNS label: 1 to 63 of a-z, 0-9 and '-', no '-' at either end`},
		{"roster {\n ns \"a\\.b.svc.internal\"\n}", "2", `ns: label "a\\" is not a DNS label: 1 to 63 of a-z, 0-9 and '-', no '-' at either end`},
		{"roster {\n ns ns.svc.internal example\n}", "2", `ns: "example" is not an IP address that clients can send to`},
		{"roster {\n ns ns.svc.internal 0.0.0.0\n}", "2", `ns: "0.0.0.0" is not an IP address that clients can send to`},
		{"roster {\n ns ns.svc.internal ::ffff:10.0.0.1\n}", "2", `ns: "::ffff:10.0.0.1" is not an IP address that clients can send to`},
		{"roster {\n ns ns.svc.internal ff02::1\n}", "2", `ns: "ff02::1" is not an IP address that clients can send to`},
		{"roster {\n ns ns.svc.internal fe80::1%eth0\n}", "2", `ns: "fe80::1%eth0" is not an IP address that clients can send to`},
		{"roster {\n ns ns.example.org 192.0.2.1\n ns ns.svc.internal\n}", "2", `ns: "ns.example.org." is outside the zones, which can't hold its addresses: omit them`},
		{"roster {\n fastpath 2\n}", "2", "fastpath: takes no argument"},
		{"roster {\n max_answers\n}", "2", "max_answers: needs a number of records, and nothing else"},
		{"roster {\n max_answers all\n}", "2", `max_answers: "all" is not a number of records from 0 to 65535`},
		{"roster {\n max_answers 65536\n}", "2", `max_answers: "65536" is not a number of records from 0 to 65535`},
		{"roster {\n locality 10.0.0.0/8\n}", "2", "locality: needs networks and the name of a locality, as in 10.1.0.0/16 az1"},
		{"roster {\n locality az1 10.0.0.0/8\n}", "2", `locality: locality "10.0.0.0/8" is not a DNS label: 1 to 63 of a-z, 0-9 and '-', no '-' at either end`},
		{"roster {\n locality 10.0.0.1/8 az1\n}", "2", `locality: "10.0.0.1/8" has bits beyond its length: write 10.0.0.0/8`},
		{"roster {\n locality 10.0.0.0/8 az1\n locality 10.0.0.0/8 az2\n}", "3", `locality: 10.0.0.0/8 is of the locality "az1" already`},
		{"roster {\n ecs_trust\n}", "2", "ecs_trust: needs a network such as 10.0.0.0/8"},
		{"roster {\n ecs_trust localhost\n}", "2", `ecs_trust: "localhost" is not a network such as 10.0.0.0/8 or 2001:db8::/32`},
		{"roster {\n startup_timeout\n}", "2", "startup_timeout: needs a duration such as 5s, and nothing else"},
		{"roster {\n startup_timeout 5\n}", "2", `startup_timeout: "5" is not a duration such as 5s`},
		{"roster {\n startup_timeout -5s\n}", "2", `startup_timeout: "-5s" is not a duration such as 5s`},
		{"roster {\n fallthrough bad..zone\n}", "2", `fallthrough: "bad..zone" is not a zone`},
	} {
		_, err := parseBlock(tt.block)
		if want := "Testfile:" + tt.line + " - Error during parsing: " + tt.want; err == nil || err.Error() != want {
			t.Errorf("%q:\n got %v\nwant %s", tt.block, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the error tells the password: %v", tt.block, err)
		}
	}
}

// TestSetupError checks what an operator sees: file, line and reason, and the
// error's cause.
func TestSetupError(t *testing.T) {
	t.Parallel()
	_, err := caddy.Start(caddy.CaddyfileInput{
		Filepath: "Corefile.test", ServerTypeName: "dns",
		Contents: []byte("svc.internal:0 {\n bind 127.0.0.1\n roster {\n  ttl soon\n }\n}\n"),
	})
	const want = `plugin/roster: Corefile.test:4 - Error during parsing: ttl: "soon" is not a number of seconds from 0 to 2147483647`
	if err == nil || err.Error() != want {
		t.Errorf("got %v\nwant %s", err, want)
	}
}

// TestErrorInImport checks that a fault in an imported file is reported there,
// also where it shows only when the block is complete.
func TestErrorInImport(t *testing.T) {
	t.Parallel()
	imported := filepath.Join(t.TempDir(), "etcd.conf")
	if err := os.WriteFile(imported, []byte("# Where etcd is.\nendpoint 127.0.0.1:2379\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := caddy.Start(caddy.CaddyfileInput{
		Filepath: "Corefile.test", ServerTypeName: "dns",
		Contents: []byte("svc.internal:0 {\n bind 127.0.0.1\n roster {\n  import " + imported + "\n  ttl 5\n }\n}\n"),
	})
	if want := "plugin/roster: " + imported + ":2 - Error during parsing: endpoint: "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v\nwant %s…", err, want)
	}
}

// TestPaths checks that paths are relative to the folder of the root plugin, and
// that files are read at the start.
func TestPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "login"), []byte("root\nhunter2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	parseIn := func(block string) (*config, error) {
		c := caddy.NewTestController("dns", block)
		c.ServerBlockKeys = []string{"dns://svc.internal.:53"}
		dnsserver.GetConfig(c).Root = dir
		return parse(c)
	}
	cfg, err := parseIn("roster {\n credentials_file login\n}")
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "login"); cfg.registry.etcd.CredentialsFile != want {
		t.Errorf("file %q, want %q", cfg.registry.etcd.CredentialsFile, want)
	}
	_, err = parseIn("roster {\n credentials_file nope\n ttl 5\n}")
	if err == nil || !strings.HasPrefix(err.Error(), "Testfile:2 - Error during parsing: credentials_file: ") || !strings.Contains(err.Error(), filepath.Join(dir, "nope")) {
		t.Errorf("a file that isn't there: %v", err)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the cause is lost: %v", err)
	}
	for args, want := range map[string]etcdclient.TLSFiles{
		"ca.pem":              {CA: filepath.Join(dir, "ca.pem")},
		"c.pem k.pem":         {Cert: filepath.Join(dir, "c.pem"), Key: filepath.Join(dir, "k.pem")},
		"c.pem k.pem /ca.pem": {Cert: filepath.Join(dir, "c.pem"), Key: filepath.Join(dir, "k.pem"), CA: "/ca.pem"},
	} {
		c := caddy.NewTestController("dns", "roster")
		dnsserver.GetConfig(c).Root = dir
		var cfg config
		if err := parseTLS(&cfg, c, strings.Fields(args)); err != nil || *cfg.registry.etcd.Files != want {
			t.Errorf("tls %s: %+v, %v", args, cfg.registry.etcd.Files, err)
		}
		_, err := parseIn("roster {\n tls " + args + "\n endpoint https://a:1\n}")
		if err == nil || !strings.HasPrefix(err.Error(), "Testfile:2 - Error during parsing: tls: ") || !strings.Contains(err.Error(), ".pem") {
			t.Errorf("tls %s: files that aren't there: %v", args, err)
		}
	}
}

func TestOwnAddresses(t *testing.T) {
	t.Parallel()
	own, err := ownAddresses([]string{"127.0.0.1", "::1"})
	if want := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("::1")}; err != nil || !slices.Equal(own, want) {
		t.Errorf("of two addresses: %v, %v", own, err)
	}
	// The same, whichever way one says "all".
	every, err := ownAddresses([]string{""})
	if err != nil || len(every) == 0 {
		t.Fatalf("of all interfaces: %v, %v", every, err)
	}
	loopbacks := 0
	for _, a := range every {
		if a.IsLoopback() {
			loopbacks++
		}
		if a.IsLinkLocalUnicast() || a.IsUnspecified() || a.Is4In6() {
			t.Errorf("%v is no address to send to", a)
		}
	}
	if loopbacks != 0 && loopbacks != len(every) {
		t.Errorf("loopback among others: %v", every)
	}
	for _, listen := range [][]string{{"0.0.0.0"}, {"::"}, {"127.0.0.1", "::"}} {
		if got, err := ownAddresses(listen); err != nil || !slices.Equal(got, every) {
			t.Errorf("listening on %v: %v, %v, want %v", listen, got, err, every)
		}
	}
}
