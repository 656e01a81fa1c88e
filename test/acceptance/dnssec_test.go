//go:build acceptance

package acceptance_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// signedQuestion is a question below the namespace default, and how many records there are.
type signedQuestion struct {
	name    string
	qtype   uint16
	records int
}

func (q signedQuestion) check(t *testing.T, v validator) error {
	t.Helper()
	name := signedName(q.name)
	if got := v.ask(t, name, q.qtype); !got.secure || got.records != q.records {
		return fmt.Errorf("%T for %s %s: secure is %v, with %d records, want %d:\n%s",
			v, name, dns.TypeToString[q.qtype], got.secure, got.records, q.records, got.output)
	}
	return nil
}

func signedName(name string) string { return name + ".default." + signedZone }

// TestDNSSEC validates what the stock dnssec plugin signs, and shows what README.md
// of roster says that it breaks.
func TestDNSSEC(t *testing.T) {
	t.Parallel()
	need(t, "delv", "unbound")
	s := startSigned(t)
	t.Run("signatures", s.testSignatures) // alone, since it counts them
	for name, test := range map[string]func(*testing.T){
		"secure":     s.testSecure,
		"glue":       s.testGlue,
		"aggressive": s.testAggressive,
		"CNAME":      s.testAggressiveCNAME,
		"unproven":   s.testUnproven,
		"changes":    s.testChanges,
		"other key":  s.testOtherKey,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t)
		})
	}
}

// secureQuestions are asked in this order: what is denied by types comes last, for a
// validator's cache.
var secureQuestions = []signedQuestion{
	{"orders", dns.TypeA, 3},
	{"orders", dns.TypeAAAA, 3},
	{"orders", dns.TypeSRV, 3},
	{"orders", dns.TypeSVCB, 3},
	{"orders", dns.TypeHTTPS, 3},
	{"_http._tcp.orders", dns.TypeSRV, 3},
	{"i1._http._tcp.orders", dns.TypeSRV, 1},
	{"i1._http._tcp.orders", dns.TypeTXT, 1},
	{"_http._tcp.orders", dns.TypePTR, 3},
	{"_services._dns-sd._udp.orders", dns.TypePTR, 1},
	{"i1.orders", dns.TypeA, 1},
	{"i1.orders", dns.TypeTXT, 1},
	{"some", dns.TypeA, 3},
	{"_http._tcp.some", dns.TypeSRV, 3},
	{"db", dns.TypeAAAA, 1},
	{"main.db", dns.TypeCNAME, 1},
	{"main.db", dns.TypeTXT, 1},
	{"nobody", dns.TypeA, 0},
	{"nobody", dns.TypeSRV, 0},
	{"a.nobody", dns.TypeTXT, 0},
	{"some", dns.TypeAAAA, 0},
	{"some", dns.TypeHTTPS, 0},
	{"_tcp.orders", dns.TypeA, 0},
	{"_http._tcp.orders", dns.TypeTXT, 0},
	{"i1.orders", dns.TypePTR, 0},
	{"orders", dns.TypeCAA, 0},
	{"main.db", dns.TypeMX, 0},
	{"nowhere", dns.TypeA, 0},
}

func (s *signed) testSecure(t *testing.T) {
	for _, v := range []validator{newDelv(t, s.Addr(t), s.key), startValidator(t, s.Addr(t), s.key, "yes")} {
		for _, q := range secureQuestions {
			if err := q.check(t, v); err != nil {
				t.Error(err)
			}
		}
	}
}

// testGlue: Unbound passes on only what is secure of an additional section.
func (s *signed) testGlue(t *testing.T) {
	m := startValidator(t, s.Addr(t), s.key, "yes").exchange(t, signedName("_http._tcp.orders"), dns.TypeSRV)
	if v4, v6 := countType(m.Extra, dns.TypeA), countType(m.Extra, dns.TypeAAAA); !m.AuthenticatedData || v4 != 3 || v6 != 3 {
		t.Errorf("%d and %d addresses of three targets:\n%v", v4, v6, m)
	}
}

// testAggressive: the plugin's proof that a name has no records of one type leaves
// out types that the name does have, which a validator may believe (RFC 8198).
func (s *signed) testAggressive(t *testing.T) {
	aggressive, other := startValidator(t, s.Addr(t), s.key, "yes"), startValidator(t, s.Addr(t), s.key, "no")
	for _, seq := range []struct {
		denied        signedQuestion
		found, broken []signedQuestion
	}{
		{
			signedQuestion{"four", dns.TypeAAAA, 0},
			[]signedQuestion{{"four", dns.TypeA, 1}, {"four", dns.TypeSRV, 1}, {"a.four", dns.TypeA, 1}},
			[]signedQuestion{{"four", dns.TypeSVCB, 1}, {"four", dns.TypeHTTPS, 1}},
		},
		{
			signedQuestion{"a.four", dns.TypeAAAA, 0},
			[]signedQuestion{{"a.four", dns.TypeA, 1}, {"a.four", dns.TypeTXT, 1}, {"a.four", dns.TypeSRV, 1}},
			[]signedQuestion{{"a.four", dns.TypeHTTPS, 1}},
		},
		{
			// To get there, names between are asked for, and not taken for denied.
			signedQuestion{"_tcp.four", dns.TypeA, 0},
			[]signedQuestion{{"a._http._tcp.four", dns.TypeSRV, 1}, {"_http._tcp.four", dns.TypePTR, 1}},
			nil,
		},
		{
			signedQuestion{"_http._tcp.orders", dns.TypeA, 0},
			[]signedQuestion{{"_http._tcp.orders", dns.TypeSRV, 3}},
			[]signedQuestion{{"_http._tcp.orders", dns.TypePTR, 3}},
		},
		{
			signedQuestion{"_services._dns-sd._udp", dns.TypeTXT, 0},
			nil,
			[]signedQuestion{{"_services._dns-sd._udp", dns.TypePTR, 1}},
		},
	} {
		for _, q := range append([]signedQuestion{seq.denied}, seq.found...) {
			if err := errors.Join(q.check(t, aggressive), q.check(t, other)); err != nil {
				t.Error(err)
			}
		}
		for _, q := range seq.broken {
			denied := signedQuestion{q.name, q.qtype, 0}
			if err := errors.Join(denied.check(t, aggressive), q.check(t, other)); err != nil {
				t.Errorf("README.md says what breaks: %v", err)
			}
		}
	}
}

// testAggressiveCNAME: a name has a CNAME for all types or none, so that a proof
// can deny it only if it is older than the CNAME.
func (s *signed) testAggressiveCNAME(t *testing.T) {
	u := startValidator(t, s.Addr(t), s.key, "yes")
	if err := (signedQuestion{"moves", dns.TypeTXT, 0}).check(t, u); err != nil {
		t.Fatal(err)
	}
	s.put(t, "moves/main", `"host":"a.four.default.svc.internal"`)
	harness.Eventually(t, harness.Patience, "the CNAME", func() error {
		return harness.True(len(s.Ask(t, signedName("moves"), dns.TypeCNAME).Answer) > 0)
	})
	for _, q := range []signedQuestion{
		{"moves", dns.TypeHTTPS, 0},
		{"moves", dns.TypeCNAME, 0},
		{"moves", dns.TypeA, 1},
		{"moves", dns.TypeHTTPS, 1}, // by the CNAME that it has now
	} {
		if err := q.check(t, u); err != nil {
			t.Error(err)
		}
	}
}

// testUnproven: what the plugin answers is not always what README.md says of roster.
func (s *signed) testUnproven(t *testing.T) {
	if m := s.ask(t, signedName("nobody"), dns.TypeA); m.Rcode != dns.RcodeSuccess || countType(m.Ns, dns.TypeNSEC) != 1 {
		t.Errorf("want NOERROR with a proof for a name that doesn't exist:\n%v", m)
	}
	for name, rcode := range map[string]int{"main.db": dns.RcodeSuccess, "nowhere": dns.RcodeNameError} {
		if m := s.ask(t, signedName(name), dns.TypeMX); m.Rcode != rcode || countType(m.Answer, dns.TypeCNAME) != 1 || countType(m.Ns, dns.TypeNSEC) != 0 {
			t.Errorf("want a CNAME without a proof for its target, and %s:\n%v", dns.RcodeToString[rcode], m)
		}
	}
}

// negativeWithin is how long an answer may be in a cache: its TTL of 5 s, and what
// asking takes on a machine that is busy.
const negativeWithin = 10 * time.Second

// testChanges: what has changed is secure, too.
func (s *signed) testChanges(t *testing.T) {
	validators := []validator{newDelv(t, s.Addr(t), s.key), startValidator(t, s.Addr(t), s.key, "yes")}
	await := func(questions ...signedQuestion) {
		t.Helper()
		for _, v := range validators {
			harness.Eventually(t, negativeWithin, fmt.Sprintf("%T seeing a change", v), func() error {
				var errs []error
				for _, q := range questions {
					errs = append(errs, q.check(t, v))
				}
				return errors.Join(errs...)
			})
		}
	}
	await(signedQuestion{"changes", dns.TypeA, 1}, signedQuestion{"late", dns.TypeA, 0}, signedQuestion{"four", dns.TypeA, 1})
	s.put(t, "changes/b", `"addresses":["10.5.0.2"]`)
	s.put(t, "late/a", `"addresses":["10.6.0.1"]`)
	if _, err := s.etcd.Client().Delete(t.Context(), "/roster/default/changes/a"); err != nil {
		t.Fatal(err)
	}
	await(signedQuestion{"a.changes", dns.TypeA, 0}, signedQuestion{"changes", dns.TypeA, 1},
		signedQuestion{"b.changes", dns.TypeA, 1}, signedQuestion{"late", dns.TypeA, 1})
}

// testOtherKey: the validators do check.
func (s *signed) testOtherKey(t *testing.T) {
	other, _ := makeKey(t)
	for _, v := range []validator{newDelv(t, s.Addr(t), other), startValidator(t, s.Addr(t), other, "yes")} {
		for _, name := range []string{"orders", "nobody"} {
			if got := v.ask(t, signedName(name), dns.TypeA); got.secure {
				t.Errorf("%T takes the answer for %s for secure:\n%s", v, name, got.output)
			}
		}
	}
}

// testSignatures: equal queries cost one signature of each set, however the name is
// spelled, but for the proof that there is nothing: its owner is spelled as in the question.
func (s *signed) testSignatures(t *testing.T) {
	const times = 1000
	for _, q := range []struct {
		name          string
		qtype         uint16
		sets, spelled int
	}{
		{"orders", dns.TypeA, 1, 0},
		{"_http._tcp.orders", dns.TypeSRV, 1 + 3*2, 0},
		{"some", dns.TypeA, 1, 0},
		{"_http._tcp.orders", dns.TypePTR, 1, 0},
		{"nobody", dns.TypeA, 2, 1}, // SOA and NSEC
	} {
		for _, spellings := range []int{1, times} {
			misses, hits := s.countSignatures(t, func() {
				for i := range times {
					s.ask(t, spelled(signedName(q.name), i%spellings), q.qtype)
				}
			})
			want := q.sets
			if spellings > 1 { // of which one was asked for above
				want = (times - 1) * q.spelled
			}
			if misses != want || hits != times*q.sets-want {
				t.Errorf("%s %s in %d spellings: %d signatures made and %d stored ones for %d queries, want %d made of %d sets",
					q.name, dns.TypeToString[q.qtype], spellings, misses, hits, times, want, q.sets)
			}
		}
	}
}

// spelled returns one of the spellings of a name: its letters are in upper case where
// the bits of i are set.
func spelled(name string, i int) string {
	return strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' {
			if i&1 != 0 {
				r = unicode.ToUpper(r)
			}
			i >>= 1
		}
		return r
	}, name)
}

// countSignatures returns how many signatures were made, and how many were found
// stored, by what is asked.
func (s *signed) countSignatures(t *testing.T, asked func()) (misses, hits int) {
	t.Helper()
	before := s.Metrics(t)
	asked()
	after := s.Metrics(t)
	count := func(name string) int { return int(after.Sum(name) - before.Sum(name)) }
	return count("coredns_dnssec_cache_misses_total"), count("coredns_dnssec_cache_hits_total")
}
