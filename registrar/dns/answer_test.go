package dns

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// TestRead has what counts as an answer, for how long, and what leaves the question to the
// next server.
func TestRead(t *testing.T) {
	t.Parallel()
	q := dns.Question{Name: "orders.default.svc.internal.", Qtype: dns.TypeSRV, Qclass: dns.ClassINET}
	srv := "orders.default.svc.internal. 7 IN SRV 0 100 80 a.orders.default.svc.internal."
	soa := "svc.internal. 9 IN SOA ns.dns.svc.internal. root.svc.internal. 1 2 3 4 8"
	type message struct {
		answer, ns, extra []string
		change            func(*dns.Msg)
	}
	for name, tt := range map[string]struct {
		m       message
		records int
		ttl     time.Duration
		err     error  // by errors.Is
		says    string // in the error
	}{
		"records":                {m: message{answer: []string{srv}}, records: 1, ttl: 7 * time.Second},
		"an address's TTL":       {m: message{answer: []string{srv}, extra: []string{"a.orders.default.svc.internal. 3 IN A 10.0.0.1"}}, records: 1, ttl: 3 * time.Second},
		"a TTL beyond bounds":    {m: message{answer: []string{strings.Replace(srv, "7", "4294967295", 1)}}, records: 1},
		"a long TTL":             {m: message{answer: []string{strings.Replace(srv, "7", "86400", 1)}}, records: 1, ttl: longestTTL},
		"another type":           {m: message{answer: []string{"orders.default.svc.internal. 7 IN TXT x"}, ns: []string{soa}}, ttl: 8 * time.Second},
		"another name":           {m: message{answer: []string{strings.Replace(srv, "orders", "others", 1)}, ns: []string{soa}}, ttl: 8 * time.Second},
		"another class":          {m: message{answer: []string{strings.Replace(srv, "IN", "CH", 1)}, ns: []string{soa}}, ttl: 8 * time.Second},
		"nothing":                {m: message{ns: []string{soa}}, ttl: 8 * time.Second},
		"no such name":           {m: message{ns: []string{strings.Replace(soa, "9", "2", 1)}, change: rcode(dns.RcodeNameError)}, ttl: 2 * time.Second},
		"nothing, of the zone":   {m: message{}, ttl: nothingTTL},
		"nothing, by a resolver": {m: message{change: func(m *dns.Msg) { m.Authoritative, m.RecursionAvailable = false, true }}, ttl: nothingTTL},
		"nothing known":          {m: message{change: func(m *dns.Msg) { m.Authoritative = false }}, err: errLame},
		"a referral":             {m: message{ns: []string{"internal. 9 IN NS ns.internal."}, change: func(m *dns.Msg) { m.Authoritative = false }}, err: errLame},
		"failing":                {m: message{change: rcode(dns.RcodeServerFailure)}, says: "SERVFAIL"},
		"refusing":               {m: message{change: rcode(dns.RcodeRefused)}, says: "REFUSED"},
		"an unknown code":        {m: message{change: rcode(3841)}, says: "3841"},
		"failing for a reason": {m: message{change: func(m *dns.Msg) {
			m.Rcode = dns.RcodeServerFailure
			extended(m, dns.ExtendedErrorCodeNotReady, "no list from etcd yet")
		}}, says: `SERVFAIL: Not Ready "no list from etcd yet"`},
		"truncated":               {m: message{answer: []string{srv}, change: func(m *dns.Msg) { m.Truncated = true }}, err: errTruncated},
		"a question":              {m: message{answer: []string{srv}, change: func(m *dns.Msg) { m.Response = false }}, err: errOther},
		"no question":             {m: message{answer: []string{srv}, change: func(m *dns.Msg) { m.Question = nil }}, err: errOther},
		"another question":        {m: message{answer: []string{srv}, change: func(m *dns.Msg) { m.Question[0].Name = "others.default.svc.internal." }}, err: errOther},
		"another question's type": {m: message{answer: []string{srv}, change: func(m *dns.Msg) { m.Question[0].Qtype = dns.TypeA }}, err: errOther},
		"another operation":       {m: message{answer: []string{srv}, change: func(m *dns.Msg) { m.Opcode = dns.OpcodeNotify }}, err: errOther},
		"the question's case":     {m: message{answer: []string{srv}, change: func(m *dns.Msg) { m.Question[0].Name = "ORDERS.Default.svc.internal." }}, records: 1, ttl: 7 * time.Second},
		"a loop of CNAMEs":        {m: message{answer: []string{"orders.default.svc.internal. 5 IN CNAME b.internal.", "b.internal. 4 IN CNAME orders.default.svc.internal."}}, ttl: 4 * time.Second},
		"a CNAME's TTL":           {m: message{answer: []string{"orders.default.svc.internal. 2 IN CNAME b.internal.", strings.Replace(srv, "orders.default.svc.internal.", "b.internal.", 1)}}, records: 1, ttl: 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := new(dns.Msg)
			m.SetReply(&dns.Msg{Question: []dns.Question{q}})
			m.Authoritative = true
			m.Answer, m.Ns, m.Extra = rrs(t, tt.m.answer), rrs(t, tt.m.ns), rrs(t, tt.m.extra)
			if tt.m.change != nil {
				tt.m.change(m)
			}
			a, err := read(q, m)
			switch {
			case tt.err != nil || tt.says != "":
				if !errors.Is(err, tt.err) && tt.err != nil || err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Errorf("got %v, want %v %q", err, tt.err, tt.says)
				}
			case err != nil || len(a.records) != tt.records || a.ttl != tt.ttl:
				t.Errorf("got %d records for %v, %v, want %d for %v", len(a.records), a.ttl, err, tt.records, tt.ttl)
			}
		})
	}
}

func rcode(code int) func(*dns.Msg) { return func(m *dns.Msg) { m.Rcode = code } }

func rrs(t *testing.T, lines []string) (records []dns.RR) {
	t.Helper()
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, rr)
	}
	return records
}

// extended adds an extended error to a response.
func extended(m *dns.Msg, code uint16, text string) {
	if m.IsEdns0() == nil {
		m.SetEdns0(maxUDP, false)
	}
	opt := m.IsEdns0()
	opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: code, ExtraText: text})
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		``: ``, `a=b`: `a=b`, `\"`: `"`, `\\`: `\`, `\195\164`: "ä", `\`: `\`, `a\`: `a\`, `\1`: `1`, `\12`: `12`, `\127\`: "\x7f\\", `\12a`: `12a`,
	} {
		if got := unescape(s); got != want {
			t.Errorf("%q is %q, want %q", s, got, want)
		}
	}
	octets := make([]byte, 255)
	for i := range octets {
		octets[i] = byte(i)
	}
	txt := &dns.TXT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{strings.Repeat("x", 3)}}
	wire := make([]byte, 512)
	n, err := dns.PackRR(txt, wire, 0, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	wire = append(slices.Clone(wire[:n-4]), append([]byte{255}, octets...)...)
	wire[n-5], wire[n-6] = 0, 1 // the length of what follows is 256
	rr, _, err := dns.UnpackRR(wire, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got := unescape(rr.(*dns.TXT).Txt[0]); got != string(octets) {
		t.Errorf("all octets are read as %q", got)
	}
}
