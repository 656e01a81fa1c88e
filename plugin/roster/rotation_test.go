package roster

import (
	"bytes"
	"testing"

	"github.com/miekg/dns"
)

// TestRotation checks that each record comes first about equally often, also
// for clients that ask for A and AAAA in turn, and that the order is a rotation.
func TestRotation(t *testing.T) {
	t.Parallel()
	const n, rounds = 10, 5000
	vs := many(n)
	h := serving(t, "roster", vs)
	for _, question := range []string{manyA, manySRV} {
		first := map[string]int{}
		for range rounds {
			got := ask(t, h, query(question), true)
			first[got.Answer[0].String()]++
			ask(t, h, query("many.default.svc.internal. AAAA"), true)
			if ids := texts(got.Answer); len(ids) != n {
				t.Fatalf("%s: %d records", question, len(ids))
			}
		}
		// 500 each, with a standard deviation of 21: seven of them.
		for rr, times := range first {
			if times < 350 || times > 650 {
				t.Errorf("%s came first %d times of %d", rr, times, rounds)
			}
		}
		if len(first) != n {
			t.Errorf("%s: only %d records came first", question, len(first))
		}
	}
}

// TestRenderOrder checks that records follow each other in the order of the set,
// from another one each turn, as far as a message has room for them.
func TestRenderOrder(t *testing.T) {
	t.Parallel()
	set := recordList{}
	for _, target := range []string{"a.", "b.", "c."} {
		set.records = append(set.records, &dns.NS{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeNS, Class: dns.ClassINET}, Ns: target})
	}
	const empty = headerSize + 5 // and the question, for the root
	for _, tt := range []struct {
		turn  uint32
		limit int // records that there is room for
		want  string
	}{
		{0, 3, "a.b.c."},
		{1, 3, "b.c.a."},
		{2, 3, "c.a.b."},
		{3, 3, "a.b.c."},
		{1<<32 - 1, 3, "a.b.c."},
		{0, 100, "a.b.c."},
		{1, 100, "b.c.a."},
		// One more shows that there is one.
		{0, 2, "a.b.c."},
		{0, 1, "a.b."},
		{2, 1, "c.a."},
		{2, 0, "c."},
		{2, -1, "c."},
	} {
		m := new(dns.Msg).SetQuestion(".", dns.TypeNS)
		fillAnswer(m, set, tt.turn, empty+tt.limit*fixedSize)
		var got string
		for _, rr := range m.Answer {
			got += targetOf(rr)
		}
		if got != tt.want {
			t.Errorf("turn %d, room for %d: %s, want %s", tt.turn, tt.limit, got, tt.want)
		}
	}
	m := new(dns.Msg).SetQuestion(".", dns.TypeNS)
	if glue := fillAnswer(m, recordList{}, 5, 512); len(m.Answer)+len(glue) > 0 {
		t.Errorf("an empty set yields %v", m)
	}
}

// TestTargetUncompressed checks on the wire that the targets of SRV records are
// whole names (RFC 2782), while owners are compressed.
func TestTargetUncompressed(t *testing.T) {
	t.Parallel()
	// Without compression, which CoreDNS turns off where all fits as it is, 9
	// instances would not fit.
	_, wire := exchange(t, serving(t, "roster", many(9)), withEDNS(query(manySRV), 1232, false), false)
	for i := range 9 {
		target := make([]byte, 100)
		n, err := dns.PackDomainName("i0000"+string(rune('0'+i))+".many.default.svc.internal.", target, 0, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		if c := bytes.Count(wire, target[:n]); c != 1 {
			t.Errorf("target %d is there %d times in full, want once", i, c)
		}
	}
	if c := bytes.Count(wire, []byte("\x05_http\x04_tcp")); c != 1 {
		t.Errorf("the owner is there %d times in full, want once", c)
	}
}
