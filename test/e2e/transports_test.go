package e2e_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/miekg/dns"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/rosterdns/roster/test/harness"
)

// encrypted has a block for each transport, and with QUIC one more in which a plugin
// changes answers.
const encrypted = block + `
	roster {
		endpoint ETCD
	}
}
(encrypted) {
	bind 127.0.0.1
	tls CERT KEY
	errors
	prometheus 127.0.0.1:{{port "metrics"}}
}
tls://svc.internal:{{port "tcp-tls"}} {
	import encrypted
	roster {
		endpoint ETCD
	}
}
https://svc.internal:{{port "https"}} {
	import encrypted
	roster {
		endpoint ETCD
	}
}
quic://svc.internal:{{port "quic"}} {
	import encrypted
	roster {
		endpoint ETCD
	}
}
quic://minimal.internal:{{port "quic"}} {
	import encrypted
	minimal
	roster {
		endpoint ETCD
	}
}
https3://svc.internal:{{port "https3"}} {
	import encrypted
	roster {
		endpoint ETCD
	}
}
`

// TestTransports asks for more than a datagram holds by every transport: all of it
// comes but by UDP, whatever size EDNS states, in whichever is not given.
func TestTransports(t *testing.T) {
	t.Parallel()
	certs := harness.NewCerts(t)
	w := startWired(t, encrypted, "CERT", certs.ServerCert, "KEY", certs.ServerKey)
	client := certs.ClientTLS(t)
	addr := func(port string) string { return fmt.Sprintf("127.0.0.1:%d", w.Port(t, port)) }
	for transport, ask := range map[string]func(*dns.Msg) (*dns.Msg, error){
		"tcp": func(m *dns.Msg) (*dns.Msg, error) { return askNet("tcp", w.Addr(t), m, nil) },
		"tls": func(m *dns.Msg) (*dns.Msg, error) { return askNet("tcp-tls", addr("tcp-tls"), m, client) },
		"https": func(m *dns.Msg) (*dns.Msg, error) {
			return askHTTPS(t.Context(), &http.Transport{TLSClientConfig: client, ForceAttemptHTTP2: true}, addr("https"), m)
		},
		"https3": func(m *dns.Msg) (*dns.Msg, error) {
			h3 := &http3.Transport{TLSClientConfig: client}
			defer func() { _ = h3.Close() }() // the answer has been read
			return askHTTPS(t.Context(), h3, addr("https3"), m)
		},
		"quic": func(m *dns.Msg) (*dns.Msg, error) { return askQUIC(t.Context(), client, addr("quic"), m) },
	} {
		t.Run(transport, func(t *testing.T) {
			for _, size := range []uint16{0, 512, 1232} {
				for _, do := range []bool{false, true} {
					for qtype, name := range map[uint16]string{dns.TypeA: "many.default." + zone, dns.TypeSRV: srvName("many")} {
						got, err := ask(asking(name, qtype, size, do))
						if err != nil {
							t.Fatal(err)
						}
						if count(got.Answer, qtype) != manyInstances || got.Truncated || !got.Authoritative {
							t.Errorf("%s, size %d: %d records, TC %v", name, size, len(got.Answer), got.Truncated)
						}
						if qtype == dns.TypeSRV && count(got.Extra, dns.TypeA) != manyInstances {
							t.Errorf("%s, size %d: %d addresses", name, size, count(got.Extra, dns.TypeA))
						}
						if size == 0 && got.IsEdns0() != nil || size > 0 && optLast(t, got).Do() != do {
							t.Errorf("%s, size %d, DO %v: %v", name, size, do, got.IsEdns0())
						}
					}
					got, err := ask(asking("nope.default."+zone, dns.TypeA, size, do))
					if err != nil || got.Rcode != dns.RcodeNameError || count(got.Ns, dns.TypeSOA) != 1 {
						t.Errorf("want NXDOMAIN: %v, %v", got, err)
					}
				}
			}
		})
	}
	// What a plugin changes goes through it, and is fitted to a datagram.
	got, err := askQUIC(t.Context(), client, addr("quic"), asking("_http._tcp.few.default.minimal.internal.", dns.TypeSRV, 1232, false))
	if err != nil || count(got.Answer, dns.TypeSRV) != 9 || count(got.Extra, dns.TypeA) != 0 {
		t.Errorf("with minimal by QUIC: %v, %v", got, err)
	}
	if n := w.Metrics(t).Sum("coredns_dns_responses_total", "rcode", "NXDOMAIN"); n < 4*6 {
		t.Errorf("%v answers by encrypted transports are counted as NXDOMAIN, want %d", n, 4*6)
	}
}

func askNet(network, addr string, m *dns.Msg, config *tls.Config) (*dns.Msg, error) {
	c := dns.Client{Net: network, Timeout: harness.Patience, TLSConfig: config}
	got, _, err := c.Exchange(m, addr)
	return got, err
}

// askHTTPS asks by DNS over HTTPS (RFC 8484), of the version of the transport.
func askHTTPS(ctx context.Context, transport http.RoundTripper, addr string, m *dns.Msg) (*dns.Msg, error) {
	m.Id = 0
	wire, err := m.Pack()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, harness.Patience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+addr+"/dns-query", bytes.NewReader(wire))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/dns-message")
	req.Close = true
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", resp.Status, body)
	}
	got := new(dns.Msg)
	return got, got.Unpack(body)
}

// askQUIC asks by DNS over QUIC (RFC 9250).
func askQUIC(ctx context.Context, config *tls.Config, addr string, m *dns.Msg) (*dns.Msg, error) {
	ctx, cancel := context.WithTimeout(ctx, harness.Patience)
	defer cancel()
	config = config.Clone()
	config.NextProtos = []string{"doq"}
	conn, err := quic.DialAddr(ctx, addr, config, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.CloseWithError(0, "") }() // the answer has been read
	stream, err := conn.OpenStreamSync(ctx)
	if err != nil {
		return nil, err
	}
	m.Id = 0
	wire, err := m.Pack()
	if err != nil {
		return nil, err
	}
	if _, err := stream.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)); err != nil {
		return nil, err
	}
	if err := stream.Close(); err != nil {
		return nil, err
	}
	answer, err := io.ReadAll(stream)
	if err != nil {
		return nil, err
	}
	if len(answer) < 2 || int(binary.BigEndian.Uint16(answer)) != len(answer)-2 {
		return nil, fmt.Errorf("%d octets, which is not what their length says", len(answer))
	}
	got := new(dns.Msg)
	return got, got.Unpack(answer[2:])
}

// TestWire asks what only a server shows: how queries are taken that break a rule,
// and what size answers by UDP have.
func TestWire(t *testing.T) {
	t.Parallel()
	w := startWired(t, block+"\troster {\n\t\tendpoint ETCD\n\t}\n}\n")
	addr := w.Addr(t)
	const name = "many.default." + zone
	for _, size := range []uint16{512, 1232, 1400, 4096, 65535} {
		for qtype, name := range map[uint16]string{dns.TypeA: name, dns.TypeSRV: srvName("many")} {
			got, n := askUDP(t, addr, asking(name, qtype, size, true))
			if most := int(min(size, 1232)); n > most || n < most-100 || !got.Truncated || !optLast(t, got).Do() {
				t.Errorf("%s, size %d: %d octets, TC %v", name, size, n, got.Truncated)
			}
		}
	}
	version := asking(name, dns.TypeA, 1232, false)
	version.IsEdns0().SetVersion(1)
	if got, _ := askUDP(t, addr, version); optLast(t, got).ExtendedRcode() != dns.RcodeBadVers || len(got.Answer) > 0 {
		t.Errorf("version 1: %v, want BADVERS", got)
	}
	two := asking(name, dns.TypeA, 0, false)
	two.Question = append(two.Question, two.Question[0])
	if got, _ := askUDP(t, addr, two); got.Rcode != dns.RcodeFormatError {
		t.Errorf("two questions: %v, want FORMERR", got)
	}
	spelled := asking("mANy.DeFault.svc.Internal.", dns.TypeA, 1232, false)
	if got, _ := askUDP(t, addr, spelled); got.Question[0] != spelled.Question[0] || got.Answer[0].Header().Name != spelled.Question[0].Name {
		t.Errorf("the question comes back as %v", got.Question)
	}
	for subnet, want := range map[[8]byte]int{
		{0, 1, 24, 0, 192, 0, 2, 0}:  dns.RcodeSuccess,
		{0, 1, 24, 24, 192, 0, 2, 0}: dns.RcodeFormatError, // a scope
		{0, 1, 24, 0, 192, 0, 2, 1}:  dns.RcodeFormatError, // a bit beyond the length
		{0, 1, 33, 0, 192, 0, 2, 1}:  dns.RcodeFormatError,
		{0, 9, 24, 0, 192, 0, 2, 0}:  dns.RcodeFormatError, // a family that there isn't
	} {
		m := asking(name, dns.TypeA, 1232, false)
		m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_LOCAL{Code: dns.EDNS0SUBNET, Data: subnet[:]}}
		got, _ := askUDP(t, addr, m)
		if got.Rcode != want {
			t.Errorf("subnet %v: %v, want %s", subnet, got, dns.RcodeToString[want])
		}
		if want == dns.RcodeSuccess && len(optLast(t, got).Option) > 0 {
			t.Errorf("subnet %v is echoed: %v", subnet, got)
		}
	}
}

// TestExtendedErrors takes etcd away: answers say that they are stale, and after the
// time of stale that they are refused for it, while the server isn't ready.
func TestExtendedErrors(t *testing.T) {
	t.Parallel()
	w := startWired(t, `svc.internal:{{port "dns"}} {
	bind 127.0.0.1
	errors
	ready 127.0.0.1:{{port "ready"}} {
		monitor continuously
	}
	prometheus 127.0.0.1:{{port "metrics"}}
	roster {
		endpoint ETCD
		stale 9s
	}
}
`)
	addr := w.Addr(t)
	told := func(name string, rcode int, code uint16) func() error {
		return func() error {
			got, _ := askUDP(t, addr, asking(name, dns.TypeA, 1232, true))
			opt := optLast(t, got)
			if got.Rcode != rcode || len(opt.Option) != 1 || opt.Option[0].(*dns.EDNS0_EDE).InfoCode != code {
				return fmt.Errorf("want %s with the Extended DNS Error %d: %v", dns.RcodeToString[rcode], code, got)
			}
			return nil
		}
	}
	if got, _ := askUDP(t, addr, asking("few.default."+zone, dns.TypeA, 1232, true)); len(optLast(t, got).Option) > 0 || !w.Ready(t) {
		t.Errorf("live: ready %v: %v", w.Ready(t), got)
	}
	w.etcd.Kill(t)
	harness.Eventually(t, harness.Patience, "a stale answer", told("few.default."+zone, dns.RcodeSuccess, dns.ExtendedErrorCodeStaleAnswer))
	harness.Eventually(t, harness.Patience, "the end of stale", told("few.default."+zone, dns.RcodeServerFailure, dns.ExtendedErrorCodeInvalidData))
	harness.Eventually(t, harness.Patience, "not being ready", func() error { return differ("ready", w.Ready(t), false) })
	if got, _ := askUDP(t, addr, asking("few.default."+zone, dns.TypeA, 0, false)); got.Rcode != dns.RcodeServerFailure || got.IsEdns0() != nil {
		t.Errorf("without EDNS: %v", got)
	}
	if n := w.Metrics(t).Sum("coredns_dns_responses_total", "rcode", "SERVFAIL"); n < 2 {
		t.Errorf("%v answers are counted as SERVFAIL", n)
	}
	w.etcd.Start(t)
	harness.Eventually(t, harness.Patience, "being ready", func() error { return differ("ready", w.Ready(t), true) })
	if got, _ := askUDP(t, addr, asking("few.default."+zone, dns.TypeA, 1232, false)); len(optLast(t, got).Option) > 0 || len(got.Answer) != 9 {
		t.Errorf("live again: %v", got)
	}
}
