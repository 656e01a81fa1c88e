package roster

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/miekg/dns"
)

// TestOrder checks that each record comes first about equally often, and each
// other one after it, also for clients that ask for A and AAAA in turn.
func TestOrder(t *testing.T) {
	t.Parallel()
	const n, rounds = 10, 9000
	vs := many(n)
	h := serving(t, "roster", vs)
	for _, question := range []string{manyA, manySRV} {
		first, pairs := map[string]int{}, map[string]int{}
		for range rounds {
			got := ask(t, h, query(question), true)
			first[got.Answer[0].String()]++
			pairs[got.Answer[0].String()+got.Answer[1].String()]++
			ask(t, h, query("many.default.svc.internal. AAAA"), true)
			if ids := texts(got.Answer); len(ids) != n {
				t.Fatalf("%s: %d records", question, len(ids))
			}
		}
		// Seven standard deviations of 28 and 10.
		evenly(t, question+" first", first, n, rounds/n, 200)
		evenly(t, question+" first and second", pairs, n*(n-1), rounds/n/(n-1), 70)
	}
}

// evenly checks that all of n outcomes were counted about equally often.
func evenly(t *testing.T, what string, counts map[string]int, n, want, tolerance int) {
	t.Helper()
	if len(counts) != n {
		t.Errorf("%s: %d outcomes of %d", what, len(counts), n)
	}
	for outcome, c := range counts {
		if c < want-tolerance || c > want+tolerance {
			t.Errorf("%s: %q came %d times, want about %d", what, outcome, c, want)
		}
	}
}

// TestShuffled checks that each record comes once, also if only some are asked for,
// that every order comes about equally often, and that of many every pair does.
func TestShuffled(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 2, 3, 153, 154, 155, 255, 256, 257, 1000, 100_000} {
		for _, most := range []int{1, 2, 77, 4096, n} {
			memory := make([]uint32, orderMemory)
			for _, neighbours := range []bool{false, true} {
				order, seen := shuffled(n, most, neighbours, memory, rand.Uint64()), map[int]bool{}
				for range min(n, most) {
					i := order.next()
					if i < 0 || i >= n || seen[i] {
						t.Fatalf("%d of %d came twice or is none", i, n)
					}
					seen[i] = true
				}
			}
		}
	}
	orders, pairs := map[string]int{}, map[string]int{}
	for range 24_000 {
		order, got := shuffled(4, 4, false, nil, rand.Uint64()), ""
		for range 4 {
			got += strconv.Itoa(order.next())
		}
		orders[got]++
		order = shuffled(20, 2, false, nil, rand.Uint64())
		pairs[fmt.Sprint(order.next(), order.next())]++
	}
	evenly(t, "orders of 4", orders, 24, 1000, 220)      // seven standard deviations of 31
	evenly(t, "the first 2 of 20", pairs, 20*19, 63, 56) // of 8
}

// TestNeighbours checks that of many records each is as likely to be among those asked
// for, that these are next to each other, the last one to the first one, and that their
// order is random.
func TestNeighbours(t *testing.T) {
	t.Parallel()
	const n, most = 20, 4
	outcomes := map[string]int{}
	for range 24 * n * 100 {
		in := shuffled(n, most, true, nil, rand.Uint64())
		got := []int{in.next(), in.next(), in.next(), in.next()}
		outcomes[fmt.Sprint(got)]++
		slices.Sort(got)
		if got[most-1]-got[0] != most-1 && (got[0] != 0 || got[most-1] != n-1) {
			t.Fatalf("%v of %d are not neighbours", got, n)
		}
	}
	evenly(t, "neighbours in their order", outcomes, 24*n, 100, 70) // seven standard deviations of 10
}

// backwards returns the order of three records that is the reverse of the registry's.
func backwards() order {
	for seed := uint64(0); ; seed++ {
		in := shuffled(3, 3, false, nil, seed)
		if in.next() == 2 && in.next() == 1 {
			return shuffled(3, 3, false, nil, seed)
		}
	}
}

// TestRenderOrder checks that records are rendered in the order that is asked for,
// as far as a message has room for them.
func TestRenderOrder(t *testing.T) {
	t.Parallel()
	set := recordList{}
	for _, target := range []string{"a.", "b.", "c."} {
		set.records = append(set.records, &dns.NS{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeNS, Class: dns.ClassINET}, Ns: target})
	}
	const empty = headerSize + 5 // and the question, for the root
	for _, tt := range []struct {
		in    order
		limit int // records that there is room for
		want  string
	}{
		{order{}, 3, "a.b.c."},
		{order{}, 100, "a.b.c."},
		{backwards(), 3, "c.b.a."},
		// One more shows that there is one.
		{order{}, 2, "a.b.c."},
		{order{}, 1, "a.b."},
		{backwards(), 1, "c.b."},
		{backwards(), 0, "c."},
		{backwards(), -1, "c."},
	} {
		m := new(dns.Msg).SetQuestion(".", dns.TypeNS)
		render(m, set, &tt.in, empty+tt.limit*fixedSize)
		var got string
		for _, rr := range m.Answer {
			got += targetOf(rr)
		}
		if got != tt.want {
			t.Errorf("room for %d: %s, want %s", tt.limit, got, tt.want)
		}
	}
	m := new(dns.Msg).SetQuestion(".", dns.TypeNS)
	if glue, cut := render(m, recordList{}, new(order), 512); len(m.Answer)+len(glue) > 0 || cut {
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
