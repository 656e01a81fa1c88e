package e2e_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/dns"
	"github.com/rosterdns/roster/registrar/registrartest"
	"github.com/rosterdns/roster/test/harness"
)

// dnsServer starts a coredns whose TTL is as short as the driver heeds.
func dnsServer(t *testing.T, e *harness.Etcd) *harness.CoreDNS {
	t.Helper()
	return harness.StartCoreDNS(t, dnsCorefile(e))
}

func dnsCorefile(e *harness.Etcd) string {
	return fmt.Sprintf(`svc.internal:{{port "dns"}} {
	bind 127.0.0.1
	errors
	ready 127.0.0.1:{{port "ready"}}
	roster {
		endpoint %s
		ttl 1
	}
}
`, e.Endpoints[0])
}

func openDNS(t *testing.T, server string, opts ...registrar.Option) *registrar.Client {
	t.Helper()
	c, err := registrar.Open(t.Context(), dns.Name, append([]registrar.Option{registrar.WithEndpoints(server), harness.LogTo(t)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestDNSDriver runs the reading half of the behaviour of all drivers for the DNS driver
// against a real server, with what the etcd driver writes.
func TestDNSDriver(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	server := dnsServer(t, e).Addr(t)
	registrartest.RunReader(t, func(t *testing.T, opts ...registrar.Option) *registrar.Client {
		t.Helper()
		return openDNS(t, server, opts...)
	}, func(t *testing.T, opts ...registrar.Option) *registrar.Client {
		t.Helper()
		return openClient(t, append([]registrar.Option{registrar.WithEndpoints(e.Endpoints...)}, opts...)...)
	})
}

// TestDNSDriverFinds has what the DNS driver makes of instances that the suite of all drivers
// doesn't have: hosts, names of ports, aliases, metadata, and a service whose answers have
// no room in UDP.
func TestDNSDriverFinds(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	w := openClient(t, registrar.WithEndpoints(e.Endpoints...))
	t.Cleanup(func() { _ = w.Close() })
	large := &registrar.Service{Name: "large"}
	for i := range 1000 {
		large.Instances = append(large.Instances, registrar.Instance{
			ID: fmt.Sprintf("i%03d", i), Addresses: []netip.Addr{netip.AddrFrom4([4]byte{10, 1, byte(i / 250), byte(1 + i%250)})},
			Ports: []registrar.Port{{Name: "http", Port: 80}},
		})
	}
	both := registrar.Instance{
		ID: "a", Addresses: []netip.Addr{netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("10.0.0.7")},
		Ports:    []registrar.Port{{Name: "http", Port: 8080}, {Name: "h2c", Port: 8080}, {Name: "voice", Port: 7000, Protocol: "udp"}, {Port: 9000}},
		Priority: 1, Weight: 7, Metadata: map[string]string{"version": "1.2.3", "path": `C:\x "y"`},
	}
	host := func(id, name string) registrar.Instance {
		return registrar.Instance{ID: id, Host: name, Ports: []registrar.Port{{Name: "pg", Port: 5432}}}
	}
	for _, s := range []*registrar.Service{
		large,
		{Name: "orders", Instances: []registrar.Instance{both}},
		{Name: "db", Instances: []registrar.Instance{host("", "db1.example.com")}},
		{Name: "dbs", Instances: []registrar.Instance{host("", "db1.example.com"), host("", "db2.example.com")}},
	} {
		if err := w.Register(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	setAlias(t, w, "cart", "orders")
	c := openDNS(t, dnsServer(t, e).Addr(t), dns.WithMetadata())
	for _, name := range []string{"large", "orders", "db", "dbs", "cart"} {
		want, err := w.GetService(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		harness.Eventually(t, harness.Patience, name+" by DNS", func() error {
			got, err := c.GetService(t.Context(), name)
			if err != nil {
				return err
			}
			return agrees(got, want)
		})
	}
}

// setAlias has another service answer for one.
func setAlias(t *testing.T, c *registrar.Client, service, other string) {
	t.Helper()
	name := catalog.ServiceName{Namespace: registrar.DefaultNamespace, Name: service}
	_, _, err := c.Registry.(interface {
		ChangePolicy(ctx context.Context, service catalog.ServiceName, change func(*catalog.Policy)) (catalog.Policy, bool, error)
	}).ChangePolicy(t.Context(), name, func(p *catalog.Policy) {
		p.Alias = catalog.ServiceName{Namespace: registrar.DefaultNamespace, Name: other}
	})
	if err != nil {
		t.Fatal(err)
	}
}

// agrees compares instances that DNS shows with those of etcd.
func agrees(got, want *registrar.Service) error {
	if len(got.Instances) != len(want.Instances) {
		return fmt.Errorf("%d instances, want %d", len(got.Instances), len(want.Instances))
	}
	for i := range got.Instances {
		in := want.Instances[i].Clone()
		slices.SortFunc(in.Addresses, netip.Addr.Compare)
		slices.SortFunc(in.Ports, func(a, b registrar.Port) int {
			return cmp.Or(cmp.Compare(a.Port, b.Port), strings.Compare(a.Name, b.Name))
		})
		if !got.Instances[i].Equal(&in) {
			return fmt.Errorf("instance %d is %+v, want %+v", i, got.Instances[i], in)
		}
	}
	return nil
}

// TestDNSDriverOutage: without etcd, and without the server, what is known stays and is
// stale; and it is up to date again afterwards.
func TestDNSDriverOutage(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	w := openClient(t, registrar.WithEndpoints(e.Endpoints...))
	t.Cleanup(func() { _ = w.Close() })
	if err := w.Register(t.Context(), orders(1)); err != nil {
		t.Fatal(err)
	}
	server := dnsServer(t, e)
	c := openDNS(t, server.Addr(t))
	stale := func(want bool) {
		t.Helper()
		harness.Eventually(t, harness.Patience, fmt.Sprintf("orders being stale: %t", want), func() error {
			s, err := c.GetService(t.Context(), "orders")
			if err != nil {
				return err
			}
			return harness.True(len(s.Instances) == 1 && s.Stale == want)
		})
	}
	stale(false)
	e.Pause(t)
	stale(true) // as the server says
	e.Continue(t)
	stale(false)
	server.Kill()
	stale(true)
	if _, err := c.GetService(t.Context(), "others"); !errors.Is(err, registrar.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	server.Launch(t, dnsCorefile(e))
	stale(false)
	harness.Eventually(t, harness.Patience, "others being missed", func() error {
		if _, err := c.GetService(t.Context(), "others"); !errors.Is(err, registrar.ErrNotFound) {
			return fmt.Errorf("got %w, want ErrNotFound", err)
		}
		return nil
	})
}
