package roster

import (
	"fmt"
	"strings"
	"testing"

	"github.com/coredns/caddy"
	"github.com/miekg/dns"
)

// TestNestedPrefixes checks that registries of one etcd whose prefixes nest stop
// the start, whichever blocks they are in, and that others don't.
func TestNestedPrefixes(t *testing.T) {
	a, b := closedPort(t), closedPort(t)
	corefile := func(first, second string) string {
		return fmt.Sprintf("a.internal:0 {\n bind 127.0.0.1\n roster {\n  startup_timeout 0s\n  %s\n }\n}\nb.internal:0 {\n bind 127.0.0.1\n roster {\n  startup_timeout 0s\n  %s\n }\n}\n",
			strings.ReplaceAll(first, "\n", "\n  "), strings.ReplaceAll(second, "\n", "\n  "))
	}
	for name, tt := range map[string]struct {
		first, second string
		want          string // the whole error; none means that it starts
	}{
		"below": {
			"endpoint " + a, "endpoint " + a + "\nprefix /roster/x",
			`plugin/roster: Corefile:13 - Error during parsing: prefix: "/roster/x" overlaps with "/roster" of Corefile:3 in the same etcd: use prefixes that do not contain each other`,
		},
		"above, no prefix stated": {
			"endpoint " + a + "\nprefix roster/x/y", "endpoint " + a,
			`plugin/roster: Corefile:11 - Error during parsing: prefix: "/roster" overlaps with "/roster/x/y" of Corefile:6 in the same etcd: use prefixes that do not contain each other`,
		},
		"a member in common": {
			"endpoint " + a + " " + b, "prefix /roster/x\nendpoint " + b,
			`plugin/roster: Corefile:12 - Error during parsing: prefix: "/roster/x" overlaps with "/roster" of Corefile:3 in the same etcd: use prefixes that do not contain each other`,
		},
		"side by side":  {"endpoint " + a + "\nprefix /roster", "endpoint " + a + "\nprefix /roster2", ""},
		"equal":         {"endpoint " + a + "\nprefix /roster", "endpoint " + a + "\nprefix roster/\nnamespaces x", ""},
		"other cluster": {"endpoint " + a, "endpoint " + b + "\nprefix /roster/x", ""},
	} {
		t.Run(name, func(t *testing.T) {
			text := corefile(tt.first, tt.second)
			if tt.want == "" {
				startServer(t, text)
				return
			}
			inst, err := caddy.Start(input(text))
			if err == nil {
				_ = inst.Stop()
			}
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// TestZonesOfOtherBlocks checks that a zone denies no name at or above a zone of
// another server block, whatever serves that, since a resolver takes a name that
// is denied for the end of all names below (RFC 8020).
func TestZonesOfOtherBlocks(t *testing.T) {
	endpoint := closedPort(t)
	plant(t, endpoint, shop)
	t.Setenv("ROSTER_TEST_ZONE", "env.svc.internal")
	s := startServer(t, fmt.Sprintf(`(common) {
		bind 127.0.0.1
	}
	svc.internal:0 {
		import common
		roster {
			endpoint %[1]s
		}
	}
	own.svc.internal:0 {
		import common
		roster {
			endpoint %[1]s
		}
	}
	other.example:0 Deep.er.svc.internal:0 dns://{$ROSTER_TEST_ZONE}:0 {
		import common
		template IN ANY {
			rcode REFUSED
		}
	}`, endpoint))
	for question, rcode := range map[string]int{
		// CoreDNS asks the block of the parent zone for DS.
		"own.svc.internal. DS":                   dns.RcodeSuccess,
		"orders.default.own.svc.internal. DS":    dns.RcodeSuccess,
		"deep.er.svc.internal. DS":               dns.RcodeSuccess,
		"x.deep.er.svc.internal. DS":             dns.RcodeSuccess,
		"env.svc.internal. DS":                   dns.RcodeSuccess,
		"er.svc.internal. DS":                    dns.RcodeSuccess,
		"er.svc.internal. A":                     dns.RcodeSuccess,
		"ER.svc.internal. A":                     dns.RcodeSuccess,
		"x.er.svc.internal. A":                   dns.RcodeNameError,
		"x.er.svc.internal. DS":                  dns.RcodeNameError,
		"nope.svc.internal. DS":                  dns.RcodeNameError,
		"other.example.svc.internal. A":          dns.RcodeNameError,
		"own.svc.internal.default.svc.internal.": dns.RcodeNameError,
	} {
		got := s.ask(t, question)
		if got.Rcode != rcode || len(got.Answer) != 0 || len(got.Ns) != 1 || got.Ns[0].Header().Name != "svc.internal." {
			t.Errorf("%s: want %s with the SOA of svc.internal: %v", question, dns.RcodeToString[rcode], got)
		}
	}
	// The other blocks answer for themselves.
	if got := s.ask(t, "a.orders.default.own.svc.internal. A"); len(got.Answer) != 1 {
		t.Errorf("a name in the roster block within: %v", got)
	}
	if got := s.ask(t, "x.deep.er.svc.internal. A"); got.Rcode != dns.RcodeRefused {
		t.Errorf("a name in the other block within: %v", got)
	}
}
