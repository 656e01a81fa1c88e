package roster

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/coredns/coredns/plugin/dnssec"
	"github.com/coredns/coredns/plugin/pkg/cache"
	"github.com/miekg/dns"
)

// signing returns the stock dnssec plugin in front of a handler, with a key of its own.
func signing(t *testing.T, r *Roster) dnssec.Dnssec {
	t.Helper()
	key := &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: "svc.internal.", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: dns.ZONE | dns.SEP, Protocol: 3, Algorithm: dns.ECDSAP256SHA256,
	}
	private, err := key.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(t.TempDir(), "key")
	for ending, text := range map[string]string{".key": key.String(), ".private": key.PrivateKeyString(private)} {
		if err := os.WriteFile(base+ending, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	parsed, err := dnssec.ParseKeyFile(base+".key", base+".private")
	if err != nil {
		t.Fatal(err)
	}
	r.signed = true
	return dnssec.New([]string{"svc.internal."}, []*dnssec.DNSKEY{parsed}, false, r, cache.New[[]dns.RR](10_000))
}

// TestSpelledSignatures checks that the dnssec plugin signs each set once, however the
// name in the question is spelled, and that the question comes back as it was. Two
// signatures of the same records differ.
func TestSpelledSignatures(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		question string
		sets     int
	}{
		{"orders.default.svc.internal. A", 1},
		{"_http._tcp.orders.default.svc.internal. SRV", 1 + 3}, // and those of three addresses
		{"_http._tcp.orders.default.svc.internal. PTR", 1},
		{"a.orders.default.svc.internal. TXT", 1},
		{"alias.default.svc.internal. A", 2},
	} {
		h := signing(t, serving(t, "roster", values{
			"default/orders/a":   `{"addresses":["10.0.0.1","2001:db8::1"],"ports":[{"name":"http","port":80}]}`,
			"default/orders/b":   `{"addresses":["10.0.0.2"],"ports":[{"name":"http","port":80}]}`,
			"default/alias/main": `{"host":"a.orders.default.svc.internal"}`,
		}))
		answers, signatures := map[string]bool{}, map[string]bool{}
		for i := range 1000 {
			req := withEDNS(query(tt.question), 1232, true)
			req.Question[0].Name = spelled(req.Question[0].Name, i)
			got := ask(t, h, req, false)
			if got.Question[0] != req.Question[0] {
				t.Fatalf("the question %v came back as %v", req.Question[0], got.Question[0])
			}
			for _, rr := range append(got.Answer, got.Extra...) {
				if rr.Header().Rrtype == dns.TypeRRSIG {
					signatures[rr.String()] = true
				}
			}
			answers[fmt.Sprint(len(got.Answer), len(got.Extra))] = true
		}
		if len(signatures) != tt.sets || len(answers) != 1 {
			t.Errorf("%s: %d signatures of %d sets, in answers of %v records", tt.question, len(signatures), tt.sets, answers)
		}
	}
}

// spelled returns one of the spellings of a name: its letters are in upper case where
// the bits of i are set.
func spelled(name string, i int) string {
	octets := []byte(name)
	for at, c := range octets {
		if 'a' <= c && c <= 'z' {
			octets[at] -= byte(i&1) * ('a' - 'A')
			i >>= 1
		}
	}
	return string(octets)
}
