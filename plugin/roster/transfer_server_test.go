package roster

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/mirror"
)

// transferring is a Corefile whose block transfers its zones to an address.
const transferring = `svc.internal:0 10.in-addr.arpa:0 {
	bind 127.0.0.1
	transfer {
		to %s
	}
	roster {
		endpoint %s
		ns ns1.svc.internal 192.0.2.1
		startup_timeout 0s
		%s
	}
}
`

// transferFrom transfers a zone from a server over TCP, as a secondary with a serial; 0
// is for none.
func transferFrom(t *testing.T, address, zone string, serial uint32) ([]dns.RR, error) {
	t.Helper()
	req := new(dns.Msg).SetAxfr(zone)
	if serial != 0 {
		req.SetIxfr(zone, serial, "ns1.svc.internal.", "hostmaster.svc.internal.")
	}
	tr := &dns.Transfer{DialTimeout: deadline, ReadTimeout: deadline, WriteTimeout: deadline}
	envelopes, err := tr.In(req, address)
	if err != nil {
		t.Fatal(err)
	}
	var records []dns.RR
	for e := range envelopes {
		if e.Error != nil {
			return records, e.Error
		}
		records = append(records, e.RR...)
	}
	return records, nil
}

// fetch updates a copy from a server.
func (z *zoneCopy) fetch(t *testing.T, address, zone string) (records []dns.RR) {
	t.Helper()
	records, err := transferFrom(t, address, zone, z.serial)
	if err == nil {
		err = z.update(records)
	}
	if err != nil {
		t.Fatalf("transfer of %s from %d: %v", zone, z.serial, err)
	}
	return records
}

func (s *server) address() string { return s.Servers()[0].Addr().String() }

// expect compares a copy with what a server transfers at once.
func (z *zoneCopy) expect(t *testing.T, address, zone string) {
	t.Helper()
	whole := new(zoneCopy)
	whole.fetch(t, address, zone)
	if d := differing(z.records, whole.records); d != "" || z.serial != whole.serial {
		t.Errorf("%s with serial %d, want %d, differs by\n%s", zone, z.serial, whole.serial, d)
	}
}

// TestTransferPlugin transfers zones by the transfer plugin over TCP: whole, as a
// difference, as none, and whole where the serial is unknown.
func TestTransferPlugin(t *testing.T) {
	endpoint := closedPort(t)
	vs := values{}
	for i := range 3000 { // more than a message holds
		vs[fmt.Sprintf("default/many/i%d", i)] = fmt.Sprintf(`{"addresses":["10.1.%d.%d"],"ports":[{"name":"http","port":80}]}`, i>>8, i&255)
	}
	maps.Copy(vs, shop)
	m := plant(t, endpoint, vs)
	s := startServer(t, fmt.Sprintf(transferring, "127.0.0.1", endpoint, ""))
	for _, zone := range []string{"svc.internal.", "10.in-addr.arpa."} {
		z := new(zoneCopy)
		records := z.fetch(t, s.address(), zone)
		if len(z.records) < 3000 {
			t.Fatalf("%s has %d records", zone, len(z.records))
		}
		if again := z.fetch(t, s.address(), zone); len(again) != 1 {
			t.Errorf("%s: %d records where nothing has changed", zone, len(again))
		}
		if got, err := transferFrom(t, s.address(), zone, z.serial-1); err != nil || len(got) != len(records) {
			t.Errorf("%s from an unknown serial: %d records, %v; want %d", zone, len(got), err, len(records))
		}
		if got, err := transferFrom(t, s.address(), zone, z.serial+1<<31-1); err != nil || len(got) != 1 {
			t.Errorf("%s from a serial that is ahead: %d records, %v", zone, len(got), err)
		}
		add(m, m.Load().Revision()+1)
		if zone == "svc.internal." {
			add(m, m.Load().Revision()+5)
		}
		if changed := z.fetch(t, s.address(), zone); len(changed) < 4 || len(changed) > 20 {
			t.Errorf("%s: a difference of %d records", zone, len(changed))
		}
		z.expect(t, s.address(), zone)
	}
	for question, want := range map[string]int{"svc.internal. AXFR": dns.RcodeRefused, "default.svc.internal. AXFR": dns.RcodeRefused} { // over UDP
		if got := s.ask(t, question); got.Rcode != want {
			t.Errorf("%s: %v", question, got)
		}
	}
	if _, err := transferFrom(t, s.address(), "default.svc.internal.", 0); err == nil || !strings.Contains(err.Error(), "rcode: 5") {
		t.Errorf("of a name in a zone: %v", err)
	}
}

// secondary is a server that is told of changes.
type secondary struct {
	server dns.Server
	told   chan string // zones
}

func startSecondary(t *testing.T, rcode int) *secondary {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &secondary{told: make(chan string, 100)}
	s.server = dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, req *dns.Msg) {
		if req.Opcode == dns.OpcodeNotify {
			s.told <- req.Question[0].Name
		}
		if err := w.WriteMsg(new(dns.Msg).SetRcode(req, rcode)); err != nil {
			t.Error(err)
		}
	})}
	stopped := make(chan error)
	started := make(chan struct{})
	s.server.NotifyStartedFunc = func() { close(started) }
	go func() { stopped <- s.server.ActivateAndServe() }()
	<-started
	t.Cleanup(func() {
		if err := s.server.Shutdown(); err != nil {
			t.Error(err)
		}
		if err := <-stopped; err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *secondary) address() string { return s.server.PacketConn.LocalAddr().String() }

// await waits for NOTIFY for all zones.
func (s *secondary) await(t *testing.T, zones ...string) {
	t.Helper()
	left := slices.Clone(zones)
	for end := time.After(deadline); len(left) > 0; {
		select {
		case zone := <-s.told:
			left = slices.DeleteFunc(left, func(z string) bool { return z == zone })
		case <-end:
			t.Fatalf("no NOTIFY for %q", left)
		}
	}
}

// TestNotify has a secondary follow changes by NOTIFY and differences.
func TestNotify(t *testing.T) {
	endpoint := closedPort(t)
	m := plant(t, endpoint, shop)
	other := startSecondary(t, dns.RcodeSuccess)
	s := startServer(t, fmt.Sprintf(transferring, other.address(), endpoint, ""))
	zones := []string{"svc.internal.", "10.in-addr.arpa."}
	copies := map[string]*zoneCopy{zones[0]: {}, zones[1]: {}}
	for i := range int64(3) {
		other.await(t, zones...)
		for zone, z := range copies {
			z.fetch(t, s.address(), zone)
			z.expect(t, s.address(), zone)
			if i > 0 && z.serial != uint32(fixtureRevision+i) {
				t.Errorf("serial %d", z.serial)
			}
		}
		add(m, fixtureRevision+i+1)
	}
	other.await(t, zones...)

	// A reload tells it too: who was told by the server before may not know.
	m.SetPresentation("another Corefile") // a planted replica has none
	if err := s.reload(t, fmt.Sprintf(transferring, other.address(), endpoint, "ttl 7")); err != nil {
		t.Fatal(err)
	}
	other.await(t, zones...)
	for zone, z := range copies {
		z.fetch(t, s.address(), zone)
		z.expect(t, s.address(), zone)
	}
}

// TestReloadRaisesSerial: the serial rises with a Corefile that changes records, and with
// no other; differences to what was shown by the one before are not known.
func TestReloadRaisesSerial(t *testing.T) {
	endpoint := closedPort(t)
	m := plant(t, endpoint, shop)
	serial := uint32(fixtureRevision)
	s := startServer(t, fmt.Sprintf(transferring, "*", endpoint, ""))
	for _, step := range []struct {
		properties string
		rises      bool
	}{
		{"", false},
		{"max_answers 3", false},
		{"ttl 7", true},
		{"ttl 7\nfallthrough", false},
		{"ttl 7\ndeny_net 10.0.0.0/24", true},
		{"ttl 7\ndeny_net 10.0.0.0/24\nns ns2.svc.internal 192.0.2.2", true},
		{"protect 30", true},
		{"protect 30\nttl 9", true},
	} {
		if err := s.reload(t, fmt.Sprintf(transferring, "*", endpoint, step.properties)); err != nil {
			t.Fatal(err)
		}
		before := serial
		if step.rises {
			serial++
		}
		got := s.ask(t, "svc.internal. SOA").Answer[0].(*dns.SOA).Serial
		if got != serial {
			t.Errorf("%q: serial %d, want %d", step.properties, got, serial)
		}
		if records, err := transferFrom(t, s.address(), "svc.internal.", before); err != nil || step.rises && len(records) < 10 || !step.rises && len(records) != 1 {
			t.Errorf("%q: %d records, %v", step.properties, len(records), err)
		}
	}
	if len(replicas.replicas) != 1 || m.users != 0 {
		t.Errorf("%d replicas, the first has %d users", len(replicas.replicas), m.users)
	}
}

// TestTransferWithoutList: where there is nothing to answer from there is nothing to
// transfer, which the secondary is not told either.
func TestTransferWithoutList(t *testing.T) {
	endpoint := closedPort(t)
	etcd := faulty.New()
	etcd.SetState(faulty.Down)
	m := plantEtcd(t, replicas, &registryConfig{etcd: etcdclient.Config{Endpoints: []string{endpoint}}, prefix: "/roster"}, etcd)
	other := startSecondary(t, dns.RcodeSuccess)
	s := startServer(t, fmt.Sprintf(transferring, other.address(), endpoint, ""))
	if _, err := transferFrom(t, s.address(), "svc.internal.", 0); err == nil || !strings.Contains(err.Error(), "rcode: 2") {
		t.Errorf("error %v", err)
	}
	if n := len(other.told); n > 0 {
		t.Errorf("%d NOTIFY messages", n)
	}
	etcd.SetState(faulty.Up)
	synced(t, m)
	other.await(t, "svc.internal.")
	new(zoneCopy).fetch(t, s.address(), "svc.internal.")
}

// TestTransferOutdated: nor is there when stale is over.
func TestTransferOutdated(t *testing.T) {
	t.Parallel()
	r := servingRegistry(t, "roster {\n stale 1h\n}", &fakeReplica{storeOf(t, shop), func() mirror.Status {
		return mirror.Status{State: mirror.Stale, Contact: time.Now().Add(-2 * time.Hour)}
	}})
	for _, serial := range []uint32{0, 1, fixtureRevision} {
		if ch, err := r.Transfer("svc.internal.", serial); ch != nil || err == nil {
			t.Errorf("from %d: error %v", serial, err)
		}
	}
}

// TestTransferNeedsNS: addresses of this server alone are no use to those who ask
// another one.
func TestTransferNeedsNS(t *testing.T) {
	for ns, want := range map[string]string{
		"":                                      "Corefile:3 - Error during parsing: ns: is missing: the transfer plugin of this server block needs ns NAME IP",
		"ns ns1.svc.internal":                   "Corefile:6 - Error during parsing: ns: ns1.svc.internal. has no address",
		"ns ns.example.org\nns b.svc.internal.": "Corefile:6 - Error during parsing: ns: b.svc.internal. has no address",
		"ns ns.example.org":                     "",
		"ns b.svc.internal 192.0.2.1\nns a.org": "",
	} {
		inst, err := caddy.Start(input(fmt.Sprintf("svc.internal:0 {\n bind 127.0.0.1\n roster {\n endpoint %s\n startup_timeout 0s\n %s\n }\n transfer {\n to *\n }\n}\n", closedPort(t), ns)))
		if err == nil {
			s := &server{inst}
			s.await(t)
			for _, err := range slices.Concat([]error{s.Stop()}, s.ShutdownCallbacks()) {
				if err != nil {
					t.Error(err)
				}
			}
			s.Wait()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: error %v, want %s", ns, err, want)
		}
		if n := poolUsers(); len(n) != 0 {
			t.Errorf("%q: replicas are left: %v", ns, n)
		}
	}
}
