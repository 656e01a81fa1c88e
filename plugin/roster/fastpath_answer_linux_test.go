package roster

import (
	"fmt"
	"strings"
	"testing"

	"github.com/coredns/coredns/plugin/metrics/vars"
	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/rosterdns/roster/plugin/roster/internal/batchudp"
)

// answering returns a handler of packets for a registry, with the counts of the plugin
// prometheus or without.
func answering(tb testing.TB, vs values, counted bool) *fastHandler {
	tb.Helper()
	r := serving(tb, "roster", vs)
	o := &fastOrigin{handler: r, count: r.counters.of("dns://:53")}
	if counted {
		o.report = newReport("dns://:53", r.origins[0], "errors")
	}
	f := &fastHandler{answered: fastPackets.WithLabelValues("dns://:53", "answered")}
	f.origins.set(r.origins[0], o)
	return f
}

// hotPacket returns a packet with a query that the handler answers, once it is packed.
func hotPacket(tb testing.TB, f *fastHandler, buf []byte, question string, edns bool) *batchudp.Packet {
	tb.Helper()
	req := query(question)
	if edns {
		req.SetEdns0(1232, true)
	}
	packed, err := req.Pack()
	if err != nil {
		tb.Fatal(err)
	}
	p := &batchudp.Packet{Data: packed}
	for range packedAfter {
		if answer, ok := f.Answer(p, buf); ok && len(answer) > len(packed) {
			return p
		}
	}
	tb.Fatalf("%s is not answered", question)
	return nil
}

// BenchmarkFastpath measures an answer, from the packet to the packet.
func BenchmarkFastpath(b *testing.B) {
	buf := make([]byte, 0, dns.DefaultMsgSize)
	for _, counted := range []bool{false, true} {
		f := answering(b, many(10), counted)
		for _, question := range []string{manyA, manySRV} {
			for _, edns := range []bool{false, true} {
				p := hotPacket(b, f, buf, question, edns)
				b.Run(fmt.Sprintf("%s/edns=%v/prometheus=%v", strings.Fields(question)[1], edns, counted), func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						f.Answer(p, buf)
					}
				})
			}
		}
	}
}

// TestFastpathPanic: a packet for which something is wrong in roster is handed over.
func TestFastpathPanic(t *testing.T) {
	log := logged(t)
	f := &fastHandler{}
	f.origins.set("svc.internal.", &fastOrigin{}) // without a handler
	packed, err := query("orders.default.svc.internal. A").Pack()
	if err != nil {
		t.Fatal(err)
	}
	before := testutil.ToFloat64(vars.Panic)
	if answer, ok := f.Answer(&batchudp.Packet{Data: packed}, nil); ok || answer != nil {
		t.Errorf("%x, %v", answer, ok)
	}
	if n := testutil.ToFloat64(vars.Panic) - before; n != 1 || len(lines(log, "[ERROR] plugin/roster: recovered from a panic in fastpath")) != 1 {
		t.Errorf("%v panics are counted; logged\n%s", n, log)
	}
}
