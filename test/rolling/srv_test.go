package rolling_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

const (
	// ttl is the TTL that DNS servers give by default.
	ttl = 5 * time.Second
	// restartsAtOnce is how many servers are restarted at the same time, since each
	// restart takes longer than the TTL.
	restartsAtOnce = 2
)

const corefile = `svc.internal:{{port "dns"}} {
	bind 127.0.0.1
	errors
	ready 127.0.0.1:{{port "ready"}}
	roster {
		endpoint %s
	}
}
`

// byRun is a fleet whose servers know nothing of Roster: registrar run registers them. The
// traffic finds them by DNS.
func byRun(t *testing.T, another bool) (*fleet, *traffic, *srvTransport) {
	t.Helper()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	c := harness.StartCoreDNS(t, fmt.Sprintf(corefile, e.Endpoints[0]))
	f := newFleet(t, "shows default/orders/", func(id, addr string) harness.Command {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		return harness.Command{Path: harness.Binary(t, "registrar"), Args: []string{
			"run", "orders", "--endpoints", e.Endpoints[0], "--id", id, "--address", host, "--port", "http:" + port,
			"--lease", harness.Slack(lease).String(), "--wait-dns", c.Addr(t),
			// What a client knows is gone after the TTL; the rest is for its last
			// requests, and for DNS to see the change.
			"--drain-delay", (ttl + harness.Slack(time.Second)).String(),
			"--", harness.Binary(t, "served"), "-listen", addr, "-id", id, "-work", work.String(),
		}}
	})
	transport := &srvTransport{server: c.Addr(t), name: "_http._tcp.orders.default.svc.internal.", base: newTransport(), another: another}
	t.Cleanup(transport.base.CloseIdleConnections)
	return f, startTraffic(t, byHTTP(t, transport, "http://orders/")), transport
}

// TestRestartSRV: ten servers are restarted, by registrar run with --drain-delay, while a
// client finds them by SRV records whose TTL it honours. No request fails, and none has to
// be tried at another server.
func TestRestartSRV(t *testing.T) {
	f, tr, transport := byRun(t, false)
	restartAll(t, f, tr, restartsAtOnce)
	t.Logf("%d lookups", transport.lookups)
}

// TestKillSRV: ten servers are killed, one after the other, with the registrars that run
// them. A client that tries another one where it is refused loses only requests that were
// in flight on the one that is killed. It doesn't repeat any.
func TestKillSRV(t *testing.T) {
	f, tr, _ := byRun(t, true)
	killAll(t, f, tr, f.killBoth, false)
}
