package e2e_test

import (
	"fmt"
	"testing"

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
	c, err := registrar.Open(t.Context(), dns.Name, append([]registrar.Option{registrar.WithEndpoints(server)}, opts...)...)
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
