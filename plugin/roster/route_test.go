package roster

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	"github.com/coredns/coredns/plugin/metrics"
	"github.com/coredns/coredns/plugin/pkg/dnstest"
	"github.com/coredns/coredns/plugin/pkg/nonwriter"
	plugintest "github.com/coredns/coredns/plugin/test"
	"github.com/coredns/coredns/plugin/tsig"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// TestMaxUDP checks that answers by UDP have no more octets than max_udp, whatever
// clients state, and that those by TCP have as many as there are.
func TestMaxUDP(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{512, 1232, 1400, 4096} {
		h := serving(t, fmt.Sprintf("roster {\n max_udp %d\n}", limit), many(300))
		for _, size := range []uint16{0, 100, 511, 512, 1231, 1232, 4096, 65535} {
			for _, question := range []string{manyA, manySRV} {
				got, wire := exchange(t, h, withEDNS(query(question), size, false), false)
				most := min(limit, max(512, int(size)))
				if len(wire) > most || len(wire) < most-60 || !got.Truncated {
					t.Errorf("%s, max_udp %d, size %d: %d octets, TC %v", question, limit, size, len(wire), got.Truncated)
				}
			}
		}
		if got := ask(t, h, query(manyA), true); len(got.Answer) != 300 || got.Truncated {
			t.Errorf("by TCP: %d records, TC %v", len(got.Answer), got.Truncated)
		}
	}
}

// TestMaxUDPOfACopy checks that CoreDNS doesn't leave an answer uncompressed where a plugin
// in front has copied the query, or hides CoreDNS's writer.
func TestMaxUDPOfACopy(t *testing.T) {
	t.Parallel()
	h := serving(t, "roster", many(300))
	for _, hides := range []bool{false, true} {
		asked := withEDNS(query(manyA), 4096, false)
		req := asked
		rec := dnstest.NewRecorder(&plugintest.ResponseWriter{})
		var w dns.ResponseWriter = request.NewScrubWriter(asked, rec)
		if hides {
			w = hidden{w}
		} else {
			req = asked.Copy()
		}
		if _, err := h.ServeDNS(t.Context(), w, req); err != nil {
			t.Fatal(err)
		}
		wire, err := rec.Msg.Pack()
		if err != nil {
			t.Fatal(err)
		}
		if len(wire) > defaultMaxUDP || len(rec.Msg.Answer) == 0 || rec.Msg.IsEdns0().UDPSize() != defaultMaxUDP {
			t.Errorf("hidden writer: %v: %d octets", hides, len(wire))
		}
	}
}

// hidden is a writer in a field that doesn't have the usual name.
type hidden struct{ writer }

type writer = interface{ dns.ResponseWriter }

// TestSignatureRoom checks that with the signature of the plugin tsig an answer is
// within the client's size, and takes most of it.
func TestSignatureRoom(t *testing.T) {
	t.Parallel()
	const key, secret = "a-key.of.the.client.example.", "c2VjcmV0IG9mIHRoZSB0ZXN0"
	for _, algorithm := range []string{dns.HmacSHA512, dns.HmacSHA256, dns.HmacSHA1} {
		for _, question := range []string{manyA, manySRV} {
			for _, n := range []int{8, 300} {
				for _, size := range []uint16{0, 512, 700, 1232} {
					req := query(question)
					if size > 0 {
						withEDNS(req, size, false)
					}
					wire := signedAnswer(t, serving(t, "roster", many(n)), req, key, algorithm, secret)
					got := new(dns.Msg)
					if err := got.Unpack(wire); err != nil {
						t.Fatal(err)
					}
					if most := int(max(size, 512)); len(wire) > most || got.Truncated && len(wire) < most-160 {
						t.Errorf("%s, %s, size %d: %d octets", question, algorithm, size, len(wire))
					}
					last := len(got.Extra) - 1
					if _, ok := got.Extra[last].(*dns.TSIG); !ok || size > 0 && got.Extra[last-1].Header().Rrtype != dns.TypeOPT {
						t.Errorf("%s: TSIG is not the last record, after OPT: %v", question, got)
					}
					if missing := len(got.Answer) < n; missing != got.Truncated {
						t.Errorf("%s, size %d: %d of %d records, TC %v", question, size, len(got.Answer), n, got.Truncated)
					}
				}
			}
		}
	}
}

// TestSignatureRoomNegative: where a long name, a long key and the zone's SOA record don't
// fit together, the record is left out, which TC says.
func TestSignatureRoomNegative(t *testing.T) {
	t.Parallel()
	labels := strings.Repeat(strings.Repeat("x", 56)+".", 3)
	key := labels + "example."
	req := query(labels + "svc.internal. A")
	got := new(dns.Msg)
	wire := signedAnswer(t, serving(t, "roster", shop), req, key, dns.HmacSHA512, "c2VjcmV0IG9mIHRoZSB0ZXN0")
	if err := got.Unpack(wire); err != nil {
		t.Fatal(err)
	}
	if len(wire) > dns.MinMsgSize || got.Rcode != dns.RcodeNameError || len(got.Ns) > 0 || !got.Truncated {
		t.Errorf("%d octets: %v", len(wire), got)
	}
}

// signedAnswer asks with a signature, through the plugin tsig, and returns the
// answer as it is signed.
func signedAnswer(t *testing.T, h plugin.Handler, req *dns.Msg, key, algorithm, secret string) []byte {
	t.Helper()
	req.SetTsig(key, algorithm, 300, 1)
	wire, mac, err := dns.TsigGenerate(req.Copy(), secret, "", false)
	if err != nil {
		t.Fatal(err)
	}
	asked := new(dns.Msg)
	if err := asked.Unpack(wire); err != nil {
		t.Fatal(err)
	}
	rec := dnstest.NewRecorder(&plugintest.ResponseWriter{})
	chain := &tsig.TSIGServer{Zones: []string{"."}, Next: h}
	if _, err := chain.ServeDNS(t.Context(), request.NewScrubWriter(asked, rec), asked); err != nil {
		t.Fatal(err)
	}
	signed, _, err := dns.TsigGenerate(rec.Msg, secret, mac, false)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// TestQUIC checks that what CoreDNS puts around the writer of a client by QUIC is
// found: answers by DoQ and DoH3 are whole, unless another plugin needs them.
func TestQUIC(t *testing.T) {
	t.Parallel()
	h := serving(t, "roster", many(300))
	for _, address := range []string{"quic://:853", "https3://:443"} {
		ctx := context.WithValue(t.Context(), dnsserver.Key{}, &dnsserver.Server{Addr: address})
		for _, edns := range []bool{false, true} {
			req := query(manyA)
			if edns {
				withEDNS(req, 1232, false)
			}
			// DoHWriter is like that of DoQ, and keeps what it is given.
			last := &dnsserver.DoHWriter{}
			rec := metrics.NewRecorder(dnstest.NewRecorder(request.NewScrubWriter(req, udpWriter{last})))
			if quicWriter(ctx, rec) != nil {
				t.Fatal("a writer that nobody knows is passed by")
			}
			rec = metrics.NewRecorder(dnstest.NewRecorder(request.NewScrubWriter(req, last)))
			if quicWriter(t.Context(), rec) != nil || quicWriter(ctx, nonwriter.New(rec)) != nil {
				t.Fatal("an answer that is not by QUIC, or that a plugin waits for, is written past it")
			}
			// CoreDNS puts one of its own around the writer for the next plugin.
			code, err := plugin.NextOrFailure("test", h, ctx, rec, req)
			if code != dns.RcodeSuccess || err != nil {
				t.Fatal(code, err)
			}
			if m := last.Msg; m == nil || len(m.Answer) != 300 || m.Truncated || edns != (m.IsEdns0() != nil) {
				t.Errorf("%s: %v", address, m)
			}
			if rec.Msg != last.Msg || rec.Len == 0 || rec.Plugin != pluginName {
				t.Errorf("%s: recorded %d octets of %q", address, rec.Len, rec.Plugin)
			}
		}
	}
}

// TestQUICAlias: what an alias leads to is looked up for a client by QUIC as for one by
// TCP.
func TestQUICAlias(t *testing.T) {
	t.Parallel()
	for _, w := range []dns.ResponseWriter{udpWriter{}, &plugintest.ResponseWriter{TCP: true}} {
		if a := (&quicAnswer{ResponseWriter: w}).RemoteAddr(); a.Network() != "tcp" {
			t.Errorf("%T: the client is at %v", w, a)
		}
	}
}

type udpWriter struct{ dns.ResponseWriter }

func (udpWriter) RemoteAddr() net.Addr { return &net.UDPAddr{} }

// TestCanonical checks that what dnssec signs is in canonical order and always the
// same records, and that without it, or without DO, the order is random.
func TestCanonical(t *testing.T) {
	t.Parallel()
	vs := many(300)
	vs["default/two/a"] = `{"addresses":["10.0.0.9","10.0.0.10","2001:db8::2","2001:db8::1"],"ports":[{"name":"b","port":2},{"name":"a","port":1}]}`
	vs["default/two/b"] = `{"addresses":["9.255.0.1"],"ports":[{"name":"a","port":1}],"weight":3}`
	for i := range 40 {
		vs[fmt.Sprintf("default/some/i%d", i)] = fmt.Sprintf(`{"addresses":["10.0.1.%d"],"ports":[{"port":80}],"metadata":{"alpn":"h2"},"weight":%d}`, i, 1+i%3)
	}
	vs["default/some/_policy"] = `{"max_answers":5}`
	vs["default/to-some/_policy"] = `{"max_answers":5,"alias":"default/some"}`
	for _, tt := range []struct {
		signed, do, same bool
	}{{true, true, true}, {true, false, false}, {false, true, false}, {false, false, false}} {
		r := serving(t, "roster", vs)
		r.signed = tt.signed
		for _, question := range []string{
			manyA, manySRV, "two.default.svc.internal. A", "two.default.svc.internal. SRV",
			"some.default.svc.internal. A", "some.default.svc.internal. SRV", "some.default.svc.internal. HTTPS", "to-some.default.svc.internal. SRV",
		} {
			answers := map[string]bool{}
			for range 40 {
				got := ask(t, r, withEDNS(query(question), 1232, tt.do), false)
				answers[fmt.Sprint(got.Answer, got.Extra)] = true
				if tt.same {
					wantCanonical(t, got.Answer)
					wantCanonical(t, got.Extra)
				}
			}
			if same := len(answers) == 1; same != tt.same {
				t.Errorf("dnssec %v, DO %v: %s has %d answers", tt.signed, tt.do, question, len(answers))
			}
		}
	}
}

// wantCanonical checks that each set is in the order in which it is signed.
func wantCanonical(t *testing.T, section []dns.RR) {
	t.Helper()
	sets := map[string][][]byte{}
	for _, rr := range section {
		wire := make([]byte, 1024)
		end, err := dns.PackRR(rr, wire, 0, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		key := rr.Header().Name + dns.TypeToString[rr.Header().Rrtype]
		sets[key] = append(sets[key], wire[:end]) // owners, types and TTLs are equal, and lengths where order matters
	}
	for key, set := range sets {
		if !slices.IsSortedFunc(set, bytes.Compare) {
			t.Errorf("%s: not in order: %v", strings.TrimSpace(key), section)
		}
	}
}
