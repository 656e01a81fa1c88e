//go:build acceptance

package acceptance_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// unboundConfig is a resolver that trusts nothing: it asks label by label and takes
// NXDOMAIN for all that is below, also what it has cached; writes names in random
// case, and tells its queries from others by that.
const unboundConfig = `
server:
	interface: 127.0.0.2
	port: 53
	do-daemonize: no
	use-syslog: no
	username: ""
	chroot: ""
	pidfile: ""
	verbosity: 3
	do-not-query-localhost: no
	module-config: "iterator"
	qname-minimisation: yes
	qname-minimisation-strict: yes
	use-caps-for-id: yes
	harden-below-nxdomain: yes
	harden-glue: yes
	aggressive-nsec: no
	local-zone: "internal." nodefault
stub-zone:
	name: "svc.internal"
	stub-addr: 127.0.0.1
remote-control:
	control-enable: no
`

// TestUnbound has dig ask Unbound for what the server has.
func TestUnbound(t *testing.T) {
	t.Parallel()
	need(t, "unbound", "dig")
	ns := newServer(t)
	s, empty, wide := newService("orders"), newEmpty("empty"), newWide("wide", wideSize)
	ns.store(t, s, empty, wide)
	ns.awaitServed(t, wide)

	config := filepath.Join(t.TempDir(), "unbound.conf")
	if err := os.WriteFile(config, []byte(unboundConfig), 0o600); err != nil {
		t.Fatal(err)
	}
	unbound := ns.start(t, harness.Command{Name: "unbound", Path: "unbound", Args: []string{"-d", "-c", config}})
	unbound.WaitOutput(t, harness.Patience, "start of service", 1)
	dig := tool("unbound", "qr rd ra", "dig", "@127.0.0.2", "+tries=1")
	dig.echoes, dig.truncated = true, "Truncated, retrying in TCP mode"
	a := asker{f: fixture{ns, empty, wide}, client: dig}
	a.test(t, s)

	// The labels that it asked for one by one, in whatever case.
	log := strings.ToLower(unbound.Output())
	for _, name := range []string{"default.svc.internal", "orders.default.svc.internal", "_tcp.orders.default.svc.internal"} {
		if !strings.Contains(log, "sending query: "+name+". a in") {
			t.Errorf("unbound has not asked for %s by itself", name)
		}
	}
	for _, line := range []string{"caps mismatch", "caps response", "lame"} {
		if strings.Contains(log, line) {
			t.Errorf("unbound logged %q", line)
		}
	}
}
