//go:build acceptance

package acceptance_test

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

// silentAddress is where a server takes queries and answers none.
const silentAddress = "127.0.0.54"

// silent is that server, as one is whose machine hangs.
func silent([]string) int {
	conn, err := net.ListenPacket("udp", silentAddress+":53")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer conn.Close()
	fmt.Println("silent")
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	<-end
	return 0
}

// resolvConf are the lines for /etc/resolv.conf of docs/deployment.md.
func resolvConf(t *testing.T) string {
	t.Helper()
	document, err := os.ReadFile(filepath.Join(harness.SourceRoot(), "docs", "deployment.md"))
	if err != nil {
		t.Fatal(err)
	}
	lines := regexp.MustCompile(`(?m)^    (?:nameserver|search|options) .*$`).FindAllString(string(document), -1)
	if len(lines) == 0 {
		t.Fatal("docs/deployment.md has no resolv.conf")
	}
	return strings.ReplaceAll(strings.Join(lines, "\n"), "    ", "") + "\n"
}

// TestSilentServer resolves by the documented resolv.conf while the first of its two
// servers is silent: no lookup of a program takes three seconds. getent hosts asks
// for one family after the other and again without the search domain, a second
// each.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	ns := newServer(t)
	ns.register(t, "a", "10.1.2.3")
	ns.start(t, harness.Program(t, "silent")).WaitOutput(t, harness.Patience, "silent", 1)
	conf := strings.NewReplacer("192.0.2.53", silentAddress, "192.0.2.54", "127.0.0.1").Replace(resolvConf(t))
	ns.configure(t, "resolv.conf", conf)
	for database, bound := range map[string]time.Duration{"ahosts": 3 * time.Second, "hosts": 5 * time.Second} {
		for _, name := range []string{"orders", "orders.default.svc.internal", "a.orders"} {
			start := time.Now()
			out := ns.run(t, "getent", database, name)
			took := time.Since(start)
			t.Logf("getent %s %s: %v", database, name, took)
			harness.Within(t, "getent "+database+" "+name, took, bound)
			if !strings.HasPrefix(out, "10.1.2.3 ") {
				t.Errorf("getent %s %s found %q", database, name, out)
			}
		}
	}
}
