//go:build acceptance

package acceptance_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/harness"
)

// primaryCorefile transfers the zone to a server on this machine; the verb is etcd's
// endpoint. The port of the secondary is where it takes NOTIFY.
const primaryCorefile = `svc.internal:{{port "dns"}} {
	bind 127.0.0.1
	errors
	ready 127.0.0.1:{{port "ready"}}
	prometheus 127.0.0.1:{{port "metrics"}}
	transfer {
		to 127.0.0.1:{{port "secondary"}}
	}
	roster {
		endpoint %s
		ns ns1.dns.svc.internal 127.0.0.1
	}
}
`

// primary is a server that transfers its zone, and its registry.
type primary struct {
	*harness.CoreDNS
	etcd *clientv3.Client
}

// startPrimary starts a server whose registry has these keys and values.
func startPrimary(t *testing.T, keys map[string]string) *primary {
	t.Helper()
	etcd := harness.StartEtcd(t, harness.EtcdOptions{})
	p := &primary{etcd: etcd.Client()}
	var revision int64
	for key, value := range keys {
		revision = p.put(t, key, value)
	}
	p.CoreDNS = harness.StartCoreDNS(t, fmt.Sprintf(primaryCorefile, etcd.Endpoints[0]))
	p.awaitRevision(t, revision)
	return p
}

// put writes a key and returns etcd's revision.
func (p *primary) put(t *testing.T, key, value string) int64 {
	t.Helper()
	resp, err := p.etcd.Put(t.Context(), registry+key, value)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.Revision
}

// remove deletes a key and returns etcd's revision.
func (p *primary) remove(t *testing.T, key string) int64 {
	t.Helper()
	resp, err := p.etcd.Delete(t.Context(), registry+key)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.Revision
}

// awaitRevision waits until the server shows what is in etcd at a revision.
func (p *primary) awaitRevision(t *testing.T, revision int64) {
	t.Helper()
	harness.Eventually(t, harness.Patience, fmt.Sprint("revision ", revision), func() error {
		status, err := harness.MirrorStatus(t.Context(), p.Addr(t), "svc.internal.")
		if err != nil {
			return err
		}
		var shown int64
		if _, err := fmt.Sscan(status["revision"], &shown); err != nil || shown < revision {
			return fmt.Errorf("_status is %v", status)
		}
		return nil
	})
}

// serial is the zone's serial at an address.
func serial(ctx context.Context, addr string) (uint32, error) {
	m, err := harness.Ask(ctx, addr, harness.Question{Name: "svc.internal.", Type: dns.TypeSOA})
	if err != nil {
		return 0, err
	}
	for _, rr := range m.Answer {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa.Serial, nil
		}
	}
	return 0, fmt.Errorf("no SOA record: %s", harness.Render(m))
}

// digTransfer transfers the zone from a port by dig: qtype is AXFR or IXFR=SERIAL.
// It returns the records as dig shows them.
func digTransfer(t *testing.T, port int, qtype string, flags ...string) (records []string) {
	t.Helper()
	args := slices.Concat([]string{"@127.0.0.1", "-p", fmt.Sprint(port), "+tcp", "+noall", "+answer"}, flags, []string{"svc.internal", qtype})
	p := harness.Start(t, harness.Command{Name: "dig " + qtype, Path: "dig", Args: args})
	if code := p.Wait(t, harness.Patience); code != 0 {
		t.Fatalf("%s: exit code %d", p, code)
	}
	for line := range strings.Lines(p.Stdout()) {
		switch {
		case strings.Contains(line, "Transfer failed"):
			t.Fatalf("dig %s: %s", qtype, line)
		case !strings.HasPrefix(line, ";") && strings.TrimSpace(line) != "":
			records = append(records, line)
		}
	}
	if len(records) == 0 {
		t.Fatalf("dig %s got no records", qtype)
	}
	return records
}

// spaced are records with single spaces.
func spaced(records []string) []string {
	lines := make([]string, 0, len(records))
	for _, r := range records {
		lines = append(lines, strings.Join(strings.Fields(r), " "))
	}
	return lines
}

// writeZone writes records to a zone file and returns its path.
func writeZone(t *testing.T, records []string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(file, []byte(strings.Join(records, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// checkZone has named-checkzone accept a zone without any warning. Names outside the
// zone are not looked up.
func checkZone(t *testing.T, records []string) {
	t.Helper()
	args := []string{"-i", "local", "-k", "fail", "-m", "fail", "-M", "fail", "-n", "fail", "-r", "fail", "-S", "fail", "svc.internal", writeZone(t, records)}
	out, err := exec.Command("named-checkzone", args...).CombinedOutput()
	if text := string(out); err != nil || !strings.HasSuffix(text, "OK\n") || strings.Count(text, "\n") != 2 {
		t.Errorf("named-checkzone: %v\n%s\nof the zone\n%s", err, text, records)
		return
	}
	t.Logf("named-checkzone: %s", out)
}

// TestZoneTransferWhole has named-checkzone accept a zone that holds every kind of
// service.
func TestZoneTransferWhole(t *testing.T) {
	t.Parallel()
	need(t, "dig", "named-checkzone")
	p := startPrimary(t, everyKind())
	records := digTransfer(t, p.Port(t, "dns"), "AXFR", "+onesoa")
	checkZone(t, records)
	want := []string{
		"svc.internal. 5 IN NS ns1.dns.svc.internal.",
		"ns1.dns.svc.internal. 5 IN A 127.0.0.1",
		"plain.default.svc.internal. 5 IN A 10.1.0.1",
		"a.plain.default.svc.internal. 5 IN AAAA 2001:db8::1",
		"_http._tcp.plain.default.svc.internal. 5 IN SRV 0 100 8080 a.plain.default.svc.internal.",
		"a.down.default.svc.internal. 5 IN A 10.2.0.1",
		"host.default.svc.internal. 5 IN CNAME db1.example.com.",
		"alias.default.svc.internal. 5 IN A 10.1.0.1",
		"failover.default.svc.internal. 5 IN A 10.1.0.1",
		"open.default.svc.internal. 5 IN A 10.3.0.1",
		"many.default.svc.internal. 5 IN A 10.5.0.20",
		"a.short.default.svc.internal. 1 IN A 10.4.0.1",
		"_http._tcp.plain.default.svc.internal. 5 IN PTR a._http._tcp.plain.default.svc.internal.",
		"_http._tcp.default.svc.internal. 5 IN PTR plain._http._tcp.default.svc.internal.",
		`tls.default.svc.internal. 5 IN HTTPS 1 a.tls.default.svc.internal. alpn="h2,h3" no-default-alpn port=8443 ipv4hint=10.6.0.1`,
	}
	if lacking := except(want, spaced(records)); len(lacking) > 0 {
		t.Errorf("the zone lacks %q", lacking)
	}
	zone := "\n" + strings.Join(spaced(records), "\n")
	for _, unwanted := range []string{"_status.", "_tag.", "_zone.", "\ndown.default.svc.internal. 5 IN A "} {
		if strings.Contains(zone, unwanted) {
			t.Errorf("the zone has %q", unwanted)
		}
	}
	if t.Failed() {
		t.Logf("the zone:%s", zone)
	}
}

// TestZoneTransferOneRevision transfers while two instances change in one
// transaction of etcd, over and over: each transfer shows both as they were at one revision.
func TestZoneTransferOneRevision(t *testing.T) {
	t.Parallel()
	need(t, "dig")
	p := startPrimary(t, map[string]string{"default/pair/a": weighed(1, 1), "default/pair/b": weighed(2, 1)})
	const transfers = 20
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for weight := 2; ; weight = weight%1000 + 1 {
			_, err := p.etcd.Txn(ctx).Then(
				clientv3.OpPut(registry+"default/pair/a", weighed(1, weight)),
				clientv3.OpPut(registry+"default/pair/b", weighed(2, weight)),
			).Commit()
			if err != nil {
				return // what was committed shows below
			}
		}
	}()
	defer func() {
		cancel()
		<-ended
	}()
	serials := map[string]bool{}
	for range transfers {
		lines := spaced(digTransfer(t, p.Port(t, "dns"), "AXFR"))
		if first, last := lines[0], lines[len(lines)-1]; first != last {
			t.Errorf("the transfer began with %s and ended with %s", first, last)
		}
		serials[lines[0]] = true
		var weights []string
		for _, line := range lines {
			if fields := strings.Fields(line); fields[0] == "_http._tcp.pair.default.svc.internal." && fields[3] == "SRV" {
				weights = append(weights, fields[5])
			}
		}
		if len(weights) != 2 || weights[0] != weights[1] {
			t.Errorf("weights %q in one transfer", weights)
		}
	}
	if len(serials) < 2 {
		t.Errorf("all %d transfers have one serial: nothing has changed meanwhile", transfers)
	}
}

// weighed is an instance with a weight, as it is in etcd.
func weighed(n, weight int) string {
	return fmt.Sprintf(`{"addresses":["10.7.0.%d"],"ports":[{"name":"http","port":8080}],"weight":%d,"static":true}`, n, weight)
}

// TestZoneTransferIncremental asks for the difference that one change makes, and for
// that of none.
func TestZoneTransferIncremental(t *testing.T) {
	t.Parallel()
	need(t, "dig")
	p := startPrimary(t, map[string]string{"default/pair/a": weighed(1, 1), "default/pair/b": weighed(2, 1)})
	before, err := serial(t.Context(), p.Addr(t))
	if err != nil {
		t.Fatal(err)
	}
	p.awaitRevision(t, p.put(t, "default/pair/b", weighed(2, 7)))
	after, err := serial(t.Context(), p.Addr(t))
	if err != nil {
		t.Fatal(err)
	}
	// RFC 1995, 4: the new SOA, the old SOA with what went, the new SOA with what came, and the new SOA.
	var serials, went, came []string
	for _, line := range spaced(digTransfer(t, p.Port(t, "dns"), fmt.Sprintf("IXFR=%d", before))) {
		switch fields := strings.Fields(line); {
		case fields[3] == "SOA":
			serials = append(serials, fields[6])
		case len(serials) == 2:
			went = append(went, line)
		default:
			came = append(came, line)
		}
	}
	want := []string{fmt.Sprint(after), fmt.Sprint(before), fmt.Sprint(after), fmt.Sprint(after)}
	if !slices.Equal(serials, want) {
		t.Errorf("serials %q, want %q", serials, want)
	}
	for _, change := range []struct {
		what    string
		records []string
		weight  int
	}{{"went", went, 1}, {"came", came, 7}} {
		record := fmt.Sprintf("_http._tcp.pair.default.svc.internal. 5 IN SRV 0 %d 8080 b.pair.default.svc.internal.", change.weight)
		if lacking := except([]string{record}, change.records); len(lacking) > 0 {
			t.Errorf("what %s lacks %q: %q", change.what, lacking, change.records)
		}
		for _, r := range change.records {
			if !strings.Contains(r, fmt.Sprintf(" SRV 0 %d 8080 b.pair.", change.weight)) {
				t.Errorf("what %s has %s", change.what, r)
			}
		}
	}
	none := spaced(digTransfer(t, p.Port(t, "dns"), fmt.Sprintf("IXFR=%d", after)))
	if len(none) != 1 || !strings.Contains(none[0], " SOA ns1.dns.svc.internal. ") || !strings.Contains(none[0], fmt.Sprintf(" %d ", after)) {
		t.Errorf("from the present serial: %q", none)
	}
}
