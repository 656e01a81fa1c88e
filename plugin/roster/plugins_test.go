package roster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/miekg/dns"

	// Plugins that can be in front, besides those that other tests use.
	_ "github.com/coredns/coredns/plugin/any"
	_ "github.com/coredns/coredns/plugin/bufsize"
	_ "github.com/coredns/coredns/plugin/cancel"
	_ "github.com/coredns/coredns/plugin/chaos"
	_ "github.com/coredns/coredns/plugin/debug"
	_ "github.com/coredns/coredns/plugin/dns64"
	_ "github.com/coredns/coredns/plugin/dnstap"
	_ "github.com/coredns/coredns/plugin/header"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/local"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/minimal"
	_ "github.com/coredns/coredns/plugin/nsid"
	_ "github.com/coredns/coredns/plugin/rewrite"
	_ "github.com/coredns/coredns/plugin/shed"
	_ "github.com/coredns/coredns/plugin/timeouts"
	_ "github.com/coredns/coredns/plugin/transfer"
	_ "github.com/coredns/coredns/plugin/tsig"
)

// looking is a plugin that looks at messages, right before roster: octets don't go past
// it.
const looking = "looking"

func init() {
	plugin.Register(looking, func(c *caddy.Controller) error {
		dnsserver.GetConfig(c).AddPlugin(func(next plugin.Handler) plugin.Handler { return looks{next} })
		return nil
	})
}

type looks struct{ next plugin.Handler }

func (looks) Name() string { return looking }

func (l looks) ServeDNS(ctx context.Context, w dns.ResponseWriter, req *dns.Msg) (int, error) {
	return plugin.NextOrFailure(looking, l.next, ctx, &lookingWriter{w}, req)
}

type lookingWriter struct{ dns.ResponseWriter }

// TestPluginsInFront compares, with stock plugins in front, what clients get where
// roster writes octets with what they get where it writes messages: a plugin that
// changes messages, counts or records them, must see them all the same. These are the
// plugins that need no further module; test/e2e compares with all.
func TestPluginsInFront(t *testing.T) {
	vs := many(9)
	vs["default/web/a"] = `{"addresses":["2001:db8::1"],"ports":[{"name":"http","port":80}],"metadata":{"alpn":"h2"}}`
	vs["default/four/a"] = `{"addresses":["10.0.0.1"],"ttl":1}`
	vs["default/cut/a"] = `{"host":"many.default.svc.internal"}`
	for i := range 60 {
		vs[fmt.Sprintf("default/lots/i%02d", i)] = fmt.Sprintf(`{"addresses":["10.1.0.%d"],"ports":[{"port":80}]}`, i)
	}
	for directive, raw := range map[string]bool{
		"":                         true,
		"errors":                   true,
		"metadata":                 true,
		"cancel 5s":                true,
		"debug":                    true,
		"any":                      true,
		"chaos":                    true,
		"local":                    true,
		"bufsize 600":              true,
		"prometheus localhost:0":   true,
		"cache":                    true,
		"timeouts {\n read 10s\n}": true,
		"hosts {\n 192.0.2.1 other.default.svc.internal\n fallthrough\n}":               true,
		"template ANY ANY other {\n rcode NXDOMAIN\n fallthrough\n}":                    true,
		"template IN A svc.internal {\n match ^other\n rcode NXDOMAIN\n fallthrough\n}": true,
		"tsig {\n secret key. NoTCJU+DMqFWywaPyxSijrDEA/eC3nK0xi3AMEZuPVk=\n}":          true,
		"log":                           false,
		"loadbalance":                   false,
		"header {\n response set ra\n}": false,
		"minimal":                       false,
		"nsid here":                     true, // clients that don't ask for it
		"dns64":                         true, // to questions for other types than AAAA
		"rewrite name suffix .svc.local. .svc.internal. answer auto": true,
		"rewrite edns0 local set 0xffee 0x61":                        false,
		"shed":                                                       false,
		"dnstap /nonexistent/socket":                                 false,
	} {
		t.Run(directive, func(t *testing.T) {
			answers := map[string][]*dns.Msg{}
			for _, before := range []string{"", looking} {
				t.Run(before, func(t *testing.T) {
					endpoint := closedPort(t) // of its own, since the last one's replica may be closing yet
					plant(t, endpoint, vs)
					s := startServer(t, fmt.Sprintf("svc.internal:0 {\n bind 127.0.0.1\n %s\n %s\n roster {\n endpoint %s\n }\n}\n", directive, before, endpoint))
					answers[before] = clientGets(t, s)
					if got, want := writesOctetsTo(t, s), raw && before == ""; got != want {
						t.Errorf("writes octets: %v, want %v", got, want)
					}
				})
			}
			for i, got := range answers[""] {
				compareAnswers(t, got, answers[looking][i])
			}
		})
	}
}

// writesOctetsTo reports whether a server answers in octets: only those are compressed
// though they fit without.
func writesOctetsTo(t *testing.T, s *server) bool {
	t.Helper()
	m, n := exchangeUDP(t, s, withEDNS(query(manyA), 1232, false))
	m.Compress = false
	return n < m.Len()
}

// clientGets returns what a client gets for questions of all kinds.
func clientGets(t *testing.T, s *server) (answers []*dns.Msg) {
	t.Helper()
	address := map[string]string{"udp": s.Servers()[0].LocalAddr().String(), "tcp": s.Servers()[0].Addr().String()}
	for _, question := range []string{
		manyA, manySRV, "MANY.default.svc.internal. SRV", "many.default.svc.internal. AAAA", "web.default.svc.internal. HTTPS", "WEB.default.svc.internal. SRV",
		"four.default.svc.internal. A", "four.default.svc.internal. AAAA", "lots.default.svc.internal. A", "lots.default.svc.internal. SRV",
		"cut.default.svc.internal. A", "nope.default.svc.internal. A", "svc.internal. SOA", "many.default.svc.internal. ANY",
	} {
		for _, network := range []string{"udp", "tcp"} {
			for _, req := range []*dns.Msg{query(question), withEDNS(query(question), 1232, false), withEDNS(query(question), 4096, true)} {
				client := dns.Client{Net: network, Timeout: deadline, UDPSize: dns.MaxMsgSize}
				req.Id = 7 // of both answers
				got, _, err := client.Exchange(req, address[network])
				if err != nil {
					t.Fatalf("%v by %s: %v", req.Question, network, err)
				}
				answers = append(answers, got)
			}
		}
	}
	return answers
}

// compareAnswers compares two answers that are equal but for the order of records, and
// for which ones are there where not all are.
func compareAnswers(t *testing.T, got, want *dns.Msg) {
	t.Helper()
	differ := got.MsgHdr != want.MsgHdr || !slices.Equal(got.Question, want.Question)
	some := got.Truncated
	for _, sections := range [][2][]dns.RR{{got.Answer, want.Answer}, {got.Ns, want.Ns}, {got.Extra, want.Extra}} {
		if len(sections[0]) != len(sections[1]) || !some && !slices.Equal(texts(sections[0]), texts(sections[1])) {
			differ = true
		}
		// Each target here has an address.
		some = some || len(want.Extra) < len(want.Answer)
	}
	if differ {
		t.Errorf("octets:\n%s\nmessages:\n%s", strings.TrimSpace(got.String()), want)
	}
}
