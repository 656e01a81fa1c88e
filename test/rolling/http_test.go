package rolling_test

import (
	"testing"
	"time"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/httpbalance"
	"github.com/rosterdns/roster/test/harness"

	_ "github.com/rosterdns/roster/registrar/etcd" // the driver
)

// ordersURL is the service to a client with httpbalance.
const ordersURL = "http://orders.roster/"

// byLibrary is a fleet whose servers register by the library, and a client of the registry.
func byLibrary(t *testing.T, flags ...string) (*fleet, *registrar.Client) {
	t.Helper()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	f := newFleet(t, "serving", func(id, addr string) harness.Command {
		return harness.Command{Path: harness.Binary(t, "served"), Args: append([]string{
			"-endpoint", e.Endpoints[0], "-id", id, "-listen", addr, "-work", work.String(), "-lease", harness.Slack(lease).String(),
			// What a client takes to see the change, many times over.
			"-drain-delay", harness.Slack(time.Second).String(),
		}, flags...)}
	})
	registry, err := registrar.Open(t.Context(), "etcd", registrar.WithEndpoints(e.Endpoints[0]), harness.LogTo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = registry.Close() })
	return f, registry
}

// overHTTP is such a fleet, with traffic by httpbalance.
func overHTTP(t *testing.T) (*fleet, *traffic) {
	t.Helper()
	f, registry := byLibrary(t)
	transport := httpbalance.New(registry, httpbalance.WithTransport(newTransport()))
	t.Cleanup(transport.CloseIdleConnections)
	return f, startTraffic(t, byHTTP(t, transport, ordersURL))
}

// TestRestartHTTP: ten servers are restarted one after the other, and no request fails.
func TestRestartHTTP(t *testing.T) {
	f, tr := overHTTP(t)
	restartAll(t, f, tr, 1)
}

// TestKillHTTP: ten servers are killed one after the other. Only requests fail that were
// in flight on the one that is killed, and can't be repeated.
func TestKillHTTP(t *testing.T) {
	f, tr := overHTTP(t)
	killAll(t, f, tr, f.kill, true)
}
