package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// signingKey makes a key for the plugin dnssec and returns the file's name.
func signingKey(t *testing.T) (key *dns.DNSKEY, base string) {
	t.Helper()
	return signingKeyOf(t, "dnssec.internal")
}

// signingKeyOf is signingKey of a zone.
func signingKeyOf(t *testing.T, zone string) (key *dns.DNSKEY, base string) {
	t.Helper()
	key = &dns.DNSKEY{
		Hdr:   dns.RR_Header{Name: zone + ".", Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600},
		Flags: dns.ZONE | dns.SEP, Protocol: 3, Algorithm: dns.ECDSAP256SHA256,
	}
	private, err := key.Generate(256)
	if err != nil {
		t.Fatal(err)
	}
	base = filepath.Join(t.TempDir(), "K"+zone+".+013+00001")
	if err := errors.Join(
		os.WriteFile(base+".key", []byte(key.String()+"\n"), 0o600),
		os.WriteFile(base+".private", []byte(key.PrivateKeyString(private)), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	return key, base
}

// behindDNSSEC: equal queries with DO cost one signature of each set, which holds.
func behindDNSSEC(t *testing.T, w *wired, key *dns.DNSKEY) {
	const queries = 1000
	addr := w.Addr(t)
	misses := func() float64 { return w.Metrics(t).Sum("coredns_dnssec_cache_misses_total") }
	for _, q := range []struct {
		name   string
		rrtype uint16
		sets   int
	}{
		{"many.default.dnssec.internal.", dns.TypeA, 1},
		{"_http._tcp.few.default.dnssec.internal.", dns.TypeSRV, 1 + 9},
		{"some.default.dnssec.internal.", dns.TypeA, 1}, // three of nine, by max_answers
		{"_http._tcp.some.default.dnssec.internal.", dns.TypeSRV, 1 + 3},
		{"nope.default.dnssec.internal.", dns.TypeA, 2}, // SOA and NSEC
	} {
		before := misses()
		conn, err := dns.DialTimeout("tcp", addr, harness.Patience)
		if err != nil {
			t.Fatal(err)
		}
		client := dns.Client{Net: "tcp", Timeout: harness.Patience}
		for range queries {
			got, _, err := client.ExchangeWithConn(asking(q.name, q.rrtype, 1232, true), conn)
			if err != nil {
				t.Fatal(err)
			}
			verify(t, key, got)
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if n := int(misses() - before); n != q.sets {
			t.Errorf("%s: %d signatures for %d queries, want %d", q.name, n, queries, q.sets)
		}
	}
	// By UDP, where not all fits, too.
	before := misses()
	for range 20 {
		if got, n := askUDP(t, addr, asking("many.default.dnssec.internal.", dns.TypeA, 4096, true)); !got.Truncated || n > 1400 {
			t.Errorf("%d octets, TC %v", n, got.Truncated)
		}
	}
	if n := misses() - before; n > 1 {
		t.Errorf("%v signatures of a part that fits", n)
	}
}

// spelledBehindDNSSEC: resolvers that write names in random case get the signatures that
// are stored. Two signatures of the same records differ.
func spelledBehindDNSSEC(t *testing.T, w *wired, key *dns.DNSKEY) {
	const spellings = 1000
	for _, q := range []struct {
		name   string
		rrtype uint16
		sets   int
	}{
		{"spelled.default.dnssec.internal.", dns.TypeA, 1},
		{"_http._tcp.spelled.default.dnssec.internal.", dns.TypeSRV, 1 + 9}, // and those of nine addresses
		{"_http._tcp.spelled.default.dnssec.internal.", dns.TypePTR, 1},
		{"i0.spelled.default.dnssec.internal.", dns.TypeTXT, 1},
		{"alias.default.dnssec.internal.", dns.TypeA, 2},
	} {
		conn, err := dns.DialTimeout("tcp", w.Addr(t), harness.Patience)
		if err != nil {
			t.Fatal(err)
		}
		client := dns.Client{Net: "tcp", Timeout: harness.Patience}
		answers, signatures := map[string]bool{}, map[string]bool{}
		for i := range spellings {
			req := asking(spelled(q.name, i), q.rrtype, 1232, true)
			got, _, err := client.ExchangeWithConn(req, conn)
			if err != nil {
				t.Fatal(err)
			}
			if len(got.Question) != 1 || got.Question[0] != req.Question[0] {
				t.Fatalf("the question %v came back as %v", req.Question[0], got.Question)
			}
			verify(t, key, got)
			for _, rr := range slices.Concat(got.Answer, got.Extra) {
				if rr.Header().Rrtype == dns.TypeRRSIG {
					signatures[rr.String()] = true
				}
			}
			answers[fmt.Sprint(len(got.Answer), len(got.Extra))] = true
		}
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
		if len(signatures) != q.sets || len(answers) != 1 {
			t.Errorf("%s %s: %d signatures of %d sets, in answers of %v records",
				q.name, dns.TypeToString[q.rrtype], len(signatures), q.sets, answers)
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

// verify checks that each set of an answer is signed.
func verify(t *testing.T, key *dns.DNSKEY, m *dns.Msg) {
	t.Helper()
	sets := map[string][]dns.RR{}
	var signatures []*dns.RRSIG
	for _, rr := range slices.Concat(m.Answer, m.Ns, m.Extra) {
		switch rr := rr.(type) {
		case *dns.RRSIG:
			signatures = append(signatures, rr)
		case *dns.OPT:
		default:
			set := rr.Header().Name + dns.TypeToString[rr.Header().Rrtype]
			sets[set] = append(sets[set], rr)
		}
	}
	for _, s := range signatures {
		set := s.Hdr.Name + dns.TypeToString[s.TypeCovered]
		if err := s.Verify(key, sets[set]); err != nil {
			t.Fatalf("%s: %v in %v", set, err, m)
		}
		delete(sets, set)
	}
	if len(sets) > 0 || len(signatures) == 0 {
		t.Fatalf("not all is signed: %v", m)
	}
}
