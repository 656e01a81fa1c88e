package roster

import (
	"context"
	"fmt"
	"net"
	"testing"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// discarding is a net.PacketConn that takes one query, and all answers to it.
type discarding struct {
	*packetPipe
	octets int
}

func (d *discarding) WriteTo(b []byte, _ net.Addr) (int, error) {
	d.octets += len(b)
	return len(b), nil
}

// withWriter calls f with the writer of a server for a client by UDP, as it gets to a
// plugin behind errors, and a query as the server has read it.
func withWriter(tb testing.TB, req *dns.Msg, f func(ctx context.Context, w dns.ResponseWriter, req *dns.Msg)) {
	tb.Helper()
	conn := &discarding{packetPipe: newPacketPipe()}
	done := make(chan struct{})
	last := plugin.HandlerFunc(func(ctx context.Context, w dns.ResponseWriter, req *dns.Msg) (int, error) {
		f(ctx, w, req)
		close(done)
		return 0, nil
	})
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, req *dns.Msg) {
		ctx := context.WithValue(tb.Context(), dnsserver.Key{}, &dnsserver.Server{Addr: "dns://:53"})
		_, _ = plugin.NextOrFailure("errors", last, context.WithValue(ctx, dnsserver.LoopKey{}, 0), request.NewScrubWriter(req, w), req)
	})}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		_ = server.ActivateAndServe() // ends with an error when its connection is closed
	}()
	wire, err := req.Pack()
	if err != nil {
		tb.Fatal(err)
	}
	conn.queries <- wire
	<-done
	_ = conn.Close()
	<-stopped
}

// BenchmarkHit measures a query in the handler whose answer is packed, up to the
// socket: of a service with that many instances, by UDP.
func BenchmarkHit(b *testing.B) {
	for _, n := range []int{10, 5_000} {
		h := serving(b, "roster", many(n))
		for _, question := range []string{manyA, manySRV} {
			for _, edns := range []bool{false, true} {
				req := query(question)
				if edns {
					withEDNS(req, 1232, false)
				}
				b.Run(fmt.Sprintf("%s/edns=%v/%d", dns.TypeToString[req.Question[0].Qtype], edns, n), func(b *testing.B) {
					withWriter(b, req, func(ctx context.Context, w dns.ResponseWriter, req *dns.Msg) { benchmarkHit(ctx, b, h, w, req, n) })
				})
			}
		}
	}
}

// BenchmarkHitPicked is BenchmarkHit of a service of which some records are picked.
func BenchmarkHitPicked(b *testing.B) {
	for _, n := range []int{10, 5_000} {
		h := serving(b, "roster {\n max_answers 8\n}", many(n))
		for _, question := range []string{manyA, manySRV} {
			req := withEDNS(query(question), 1232, false)
			b.Run(fmt.Sprintf("%s/%d", dns.TypeToString[req.Question[0].Qtype], n), func(b *testing.B) {
				withWriter(b, req, func(ctx context.Context, w dns.ResponseWriter, req *dns.Msg) { benchmarkHit(ctx, b, h, w, req, n) })
			})
		}
	}
}

// benchmarkHit measures a query for a set of n records, once that is packed.
func benchmarkHit(ctx context.Context, b *testing.B, h *Roster, w dns.ResponseWriter, req *dns.Msg, n int) {
	b.Helper()
	for range n/packedAfter + 1 {
		_, _ = h.ServeDNS(ctx, w, req)
	}
	b.ReportAllocs()
	for b.Loop() {
		if code, err := h.ServeDNS(ctx, w, req); code != 0 || err != nil {
			b.Error(code, err)
			return
		}
	}
}

// BenchmarkAnswerDatagram measures a query that doesn't pass through the server.
func BenchmarkAnswerDatagram(b *testing.B) {
	h := serving(b, "roster", many(10))
	count := h.counters.of("dns://:53")
	for _, question := range []string{manyA, manySRV} {
		req := withEDNS(query(question), 1232, false)
		b.Run(dns.TypeToString[req.Question[0].Qtype], func(b *testing.B) {
			wire, err := req.Pack()
			if err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, 0, dns.DefaultMsgSize)
			b.ReportAllocs()
			for b.Loop() {
				if _, ok := h.answerDatagram(buf, wire, ownAddrs[0], count); !ok {
					b.Fatal("not answered")
				}
			}
		})
	}
}
