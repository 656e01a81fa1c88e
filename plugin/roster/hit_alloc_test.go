//go:build !race

package roster

import (
	"context"
	"fmt"
	"net/netip"
	"testing"

	"github.com/miekg/dns"
)

// TestHitsAllocateNothing checks what a hit costs, up to the socket. (With the race
// detector a sync.Pool drops what it is given.)
func TestHitsAllocateNothing(t *testing.T) { // not parallel: it counts the process's allocations
	for _, maxAnswers := range []int{0, 1, 3} {
		t.Run(fmt.Sprintf("max_answers %d", maxAnswers), func(t *testing.T) { hitsAllocateNothing(t, maxAnswers) })
	}
}

func hitsAllocateNothing(t *testing.T, maxAnswers int) {
	vs := many(10)
	vs["default/many/i00001"] = `{"addresses":["10.0.0.1","2001:db8::1"],"ports":[{"name":"http","port":80}],"tags":["t"],"locality":"az1","metadata":{"alpn":"h2"}}`
	vs["default/alias/_policy"] = `{"alias":"default/many"}`
	r := serving(t, fmt.Sprintf("roster svc.internal {\n max_answers %d\n locality 192.0.2.0/24 az1\n}", maxAnswers), vs)
	count := r.counters.of("dns://:53")
	for _, question := range []string{
		manyA, manySRV, "MANY.default.SVC.internal. A", "many.default.svc.internal. AAAA", "many.default.svc.internal. SRV",
		"many.default.svc.internal. HTTPS", "t._tag.many.default.svc.internal. A", "_http._tcp.az1.prefer._zone.many.default.svc.internal. SRV",
		"alias.default.svc.internal. A", "_80._tcp.many.default.svc.internal. SRV",
	} {
		for _, edns := range []bool{false, true} {
			req := query(question)
			if edns {
				withEDNS(req, 1232, true)
			}
			withWriter(t, req, func(ctx context.Context, w dns.ResponseWriter, req *dns.Msg) {
				allocs := testing.AllocsPerRun(100, func() {
					if code, err := r.ServeDNS(ctx, w, req); code != 0 || err != nil {
						t.Error(code, err)
					}
				})
				if allocs > 0 {
					t.Errorf("%s, EDNS %v: %v allocations", question, edns, allocs)
				}
			})
			wire, err := req.Pack()
			if err != nil {
				t.Fatal(err)
			}
			buf := make([]byte, 0, dns.DefaultMsgSize)
			from := netip.MustParseAddr("192.0.2.7")
			if allocs := testing.AllocsPerRun(100, func() { r.answerDatagram(buf, wire, from, count) }); allocs > 0 {
				t.Errorf("%s, EDNS %v: %v allocations of a datagram", question, edns, allocs)
			}
		}
	}
}
