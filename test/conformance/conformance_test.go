package conformance

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/harness"
)

// soas are the SOA records of the server's zones, but for the serial.
var soas = map[string]string{
	"svc.internal.":             "svc.internal. 5 IN SOA ns1.svc.internal. hostmaster.svc.internal. SERIAL 7200 1800 86400 5",
	"svc.example.org.":          "svc.example.org. 30 IN SOA ns.dns.svc.example.org. hostmaster.svc.example.org. SERIAL 7200 1800 86400 30",
	"10.in-addr.arpa.":          "10.in-addr.arpa. 5 IN SOA ns1.svc.internal. hostmaster.svc.internal. SERIAL 7200 1800 86400 5",
	"8.b.d.0.1.0.0.2.ip6.arpa.": "8.b.d.0.1.0.0.2.ip6.arpa. 5 IN SOA ns1.svc.internal. hostmaster.svc.internal. SERIAL 7200 1800 86400 5",
	"svc.other.example.":        "svc.other.example. 5 IN SOA ns.dns.svc.other.example. hostmaster.svc.other.example. SERIAL 7200 1800 86400 5",
	"example.com.":              "example.com. 300 IN SOA ns.example.com. root.example.com. SERIAL 7200 1800 86400 300",
}

// leastCases is how many cases the tables have at least, so that none gets lost.
const leastCases = 250

// TestTables checks the tables themselves.
func TestTables(t *testing.T) {
	t.Parallel()
	cases := readTable(t)
	t.Logf("%d cases", len(cases))
	if len(cases) < leastCases {
		t.Errorf("there are %d cases, want at least %d", len(cases), leastCases)
	}
	first := map[string]string{}
	for _, c := range cases {
		if file, twice := first[c.query.text]; twice {
			t.Errorf("%s asks %q, and so does %s", c.file, c.query.text, file)
		}
		first[c.query.text] = c.file
	}
}

// TestConformance asks one server all questions of the tables, and one with fastpath.
func TestConformance(t *testing.T) {
	t.Parallel()
	cases := readTable(t)
	endpoint := registry(t)
	for name, properties := range map[string]string{"plain": "", "fastpath": "fastpath"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			askAll(t, serve(t, endpoint, properties).Addr(t), cases)
		})
	}
}

// askAll asks a server all questions.
func askAll(t *testing.T, addr string, cases []testCase) {
	t.Helper()
	groups := map[string][]testCase{}
	for _, c := range cases {
		name := strings.TrimSuffix(c.file, ".txt") + "/" + c.group
		groups[name] = append(groups[name], c)
	}
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, c := range groups[name] {
				t.Run(c.query.text, func(t *testing.T) {
					for _, network := range c.query.networks {
						c.run(t, network, addr)
					}
				})
			}
		})
	}
}

// run asks over one transport.
func (c *testCase) run(t *testing.T, network, addr string) {
	t.Helper()
	sent := c.query.message()
	got := exchange(t, network, addr, sent)
	if faults := c.check(sent, network, got); len(faults) > 0 {
		t.Errorf("%s\nover %s:\n    %s\nthe answer is\n%v", c.reference, network, strings.Join(faults, "\n    "), got)
	}
}

// registry starts an etcd with the registry of the cases and returns its URL.
func registry(t *testing.T) string {
	t.Helper()
	etcd := harness.StartEtcd(t, harness.EtcdOptions{})
	register(t, etcd.Client())
	return etcd.Endpoints[0]
}

// serve starts a server of the registry, with more properties in each roster block.
func serve(t *testing.T, endpoint, properties string) *harness.CoreDNS {
	t.Helper()
	corefile, err := os.ReadFile("testdata/Corefile")
	if err != nil {
		t.Fatal(err)
	}
	zonefile, err := filepath.Abs("testdata/db.example.com")
	if err != nil {
		t.Fatal(err)
	}
	replaced := strings.NewReplacer("ENDPOINT", endpoint, "ZONEFILE", zonefile, "PROPERTIES", properties).Replace(string(corefile))
	// The process never gets ready: one of its blocks has no etcd.
	c := harness.NewCoreDNS(t)
	c.Launch(t, replaced)
	c.WaitServing(t)
	harness.Eventually(t, harness.Patience, "the registry in DNS", func() error {
		m, err := harness.Ask(t.Context(), c.Addr(t), harness.Question{Name: "_status.svc.internal", Type: dns.TypeTXT})
		if err != nil {
			return err
		}
		return harness.True(strings.Contains(m.String(), "state=live"))
	})
	return c
}

// attempts is how often a question is asked by UDP, which can lose it.
const attempts = 3

// exchange sends a query and returns the answer.
func exchange(t *testing.T, network, addr string, m *dns.Msg) answer {
	t.Helper()
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	for range attempts {
		if got, err = roundTrip(t.Context(), network, addr, wire); !errors.Is(err, os.ErrDeadlineExceeded) {
			break
		}
	}
	if err != nil {
		t.Fatalf("over %s: %v", network, err)
	}
	a := answer{new(dns.Msg), got}
	if err := a.Unpack(got); err != nil {
		t.Fatalf("over %s: %x can't be read: %v", network, got, err)
	}
	return a
}

func roundTrip(ctx context.Context, network, addr string, wire []byte) ([]byte, error) {
	dialer := net.Dialer{Timeout: harness.Patience}
	conn, err := dialer.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	c := &dns.Conn{Conn: conn, UDPSize: dns.MaxMsgSize}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(harness.Patience / attempts)); err != nil {
		return nil, err
	}
	if _, err := c.Write(wire); err != nil {
		return nil, err
	}
	return c.ReadMsgHeader(nil)
}

// leaseTTL is longer than any test, in seconds.
const leaseTTL = 24 * 60 * 60

// register writes the registry of the cases.
func register(t *testing.T, c *clientv3.Client) {
	t.Helper()
	lease, err := c.Grant(t.Context(), leaseTTL)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("testdata/registry.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ops, err := readRegistry(f, lease.ID)
	if err != nil {
		t.Fatal(err)
	}
	ops = append(ops, crowd("few", 101, 9)...)
	ops = append(ops, crowd("many", 102, 200)...)
	ops = append(ops, crowd("huge", 103, 4200)...)
	for len(ops) > 0 {
		n := min(len(ops), 128) // etcd takes no more in a transaction
		if _, err := c.Txn(t.Context()).Then(ops[:n]...).Commit(); err != nil {
			t.Fatal(err)
		}
		ops = ops[n:]
	}
}

func readRegistry(r io.Reader, lease clientv3.LeaseID) ([]clientv3.Op, error) {
	var ops []clientv3.Op
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		line := lines.Text()
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		var opts []clientv3.OpOption
		if rest, leased := strings.CutPrefix(line, "lease "); leased {
			line, opts = rest, append(opts, clientv3.WithLease(lease))
		}
		key, value, ok := strings.Cut(line, " ")
		if !ok {
			return nil, fmt.Errorf("%q has no value", line)
		}
		ops = append(ops, clientv3.OpPut("/roster/"+key, value, opts...))
	}
	return ops, lines.Err()
}

// crowd registers a service of n instances in the namespace crowd, whose names
// are of equal length, each with an address in 10.OCTET.0.0/16 and a port.
func crowd(service string, octet, n int) []clientv3.Op {
	var ops []clientv3.Op
	for i := range n {
		value := fmt.Sprintf(`{"static":true,"addresses":["10.%d.%d.%d"],"ports":[{"name":"http","port":8080}]}`, octet, i>>8, i&255)
		ops = append(ops, clientv3.OpPut(fmt.Sprintf("/roster/crowd/%s/i%04d", service, i), value))
	}
	return ops
}
