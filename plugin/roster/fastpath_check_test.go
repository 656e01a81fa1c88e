package roster

import (
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/coredns/caddy"

	// Plugins that fastpath would bypass, or that it need not mind.
	_ "github.com/coredns/coredns/plugin/any"
	_ "github.com/coredns/coredns/plugin/bufsize"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/cancel"
	_ "github.com/coredns/coredns/plugin/chaos"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/multisocket"
	_ "github.com/coredns/coredns/plugin/nsid"
	_ "github.com/coredns/coredns/plugin/proxyproto"
	_ "github.com/coredns/coredns/plugin/shed"
	_ "github.com/coredns/coredns/plugin/transfer"
	_ "github.com/coredns/coredns/plugin/view"
	_ "github.com/coredns/coredns/plugin/whoami"
)

// TestFastpathRefused: a server doesn't start where the fast path would bypass
// something, and says what.
func TestFastpathRefused(t *testing.T) {
	endpoint := closedPort(t)
	// PORT is the listener's; LINES are in the block with fastpath, before roster.
	const block = `%[2]s {
	bind 127.0.0.1
	%[3]s
	roster %[4]s {
		endpoint %[1]s
		startup_timeout 0s
		fastpath
	}
}
`
	for name, test := range map[string]struct{ keys, lines, zones, others, want string }{
		"log":           {lines: "log", want: "the plugin log comes before roster in the server block and would not see the queries that are answered: remove one of the two"},
		"template":      {lines: "template IN A {\n rcode NXDOMAIN\n}", want: "the plugin template comes before roster"},
		"loadbalance":   {lines: "errors\n loadbalance", want: "the plugin loadbalance comes before roster"},
		"nsid":          {lines: "nsid", want: "the plugin nsid comes before roster"},
		"small bufsize": {lines: "bufsize 1231", want: "bufsize allows answers of 1231 octets, and max_udp of 1232: state max_udp 1231"},
		"shed":          {lines: "shed", want: "another plugin, such as shed, decorates the writer of answers"},
		"multisocket":   {lines: "multisocket 2", want: "multisocket opens more sockets, which fastpath does for itself"},
		"view":          {lines: "view v {\n expr true\n}", want: "a view has to choose the server block for each query"},
		"proxyproto":    {lines: "proxyproto", want: "proxyproto has to read each packet"},
		"port 0":        {keys: "svc.internal:0", want: "has no port of its own: state one"},
		"only TLS":      {keys: "tls://svc.internal:PORT", want: "the server block has no listener for plain DNS: remove it"},
		"one of two zones is another block's": {
			lines: "errors", zones: "svc.internal example.org", keys: ".:PORT", others: "example.org:PORT {\n bind 127.0.0.1\n whoami\n}\n",
			want: `the server block of "example.org." is asked for the zone "example.org.", not this one`,
		},
		"zone wider than the block": {zones: "internal", want: `no server block on dns://127.0.0.1:PORT is asked for all of the zone "internal."`},
		"shed in another block": {
			others: "example.org:PORT {\n bind 127.0.0.1\n shed\n whoami\n}\n",
			want:   `in the server block of "example.org." on dns://127.0.0.1:PORT another plugin, such as shed, decorates the writer`,
		},
		"view in another block": {
			others: "example.org:PORT {\n bind 127.0.0.1\n view v {\n expr true\n}\n whoami\n}\n",
			want:   `in the server block of "example.org." on dns://127.0.0.1:PORT a view has to choose`,
		},
		"proxyproto in another block": {
			others: "example.org:PORT {\n bind 127.0.0.1\n proxyproto\n whoami\n}\n",
			want:   `in the server block of "example.org." on dns://127.0.0.1:PORT proxyproto has to read each packet`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			keys := test.keys
			if keys == "" {
				keys = "svc.internal:PORT"
			}
			port := "5300" // nothing is opened
			text := strings.ReplaceAll(fmt.Sprintf(block, endpoint, keys, test.lines, test.zones)+test.others, "PORT", port)
			inst, err := caddy.Start(input(text))
			if err == nil {
				for _, err := range inst.ShutdownCallbacks() {
					t.Error(err)
				}
				t.Fatalf("it starts:\n%s", text)
			}
			want := strings.ReplaceAll(test.want, "PORT", port)
			if !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "fastpath: ") || !strings.HasPrefix(err.Error(), "plugin/roster: Corefile:") {
				t.Errorf("error %q, want one with %q", err, want)
			}
			if n := poolUsers(); len(n) != 0 {
				t.Errorf("replicas are left: %v", n)
			}
		})
	}
}

// freePort returns a port of 127.0.0.1 that is free for UDP and TCP.
func freePort(t *testing.T) string {
	t.Helper()
	for {
		_, port, err := net.SplitHostPort(freeAddress(t))
		if err != nil {
			t.Fatal(err)
		}
		c, err := net.ListenPacket("udp", net.JoinHostPort("127.0.0.1", port))
		if err == nil {
			_ = c.Close()
			return port
		}
	}
}
