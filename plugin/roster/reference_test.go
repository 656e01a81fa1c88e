package roster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestTruncateReference compares messages for random services, sizes and turns
// with those of the plain way: all records are made, and the message is measured
// with more and with fewer of them until the most are found that fit.
func TestTruncateReference(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	for round := range 60 {
		zoneName := []string{"svc.internal", ".", `a\.b.` + strings.Repeat("z", 1+rng.IntN(60)) + ".example"}[rng.IntN(3)]
		r := serving(t, "roster "+zoneName, randomService(rng))
		z := r.zones[dns.Fqdn(zoneName)]
		for _, relative := range []string{"many.default.", "_http._tcp.many.default.", "_tcp.many.default.", "i0.many.default."} {
			for _, rrtype := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV} {
				q := r.question(z, join(relative, z.name), rrtype)
				if a := q.resolve(); a.count() > 0 {
					udp, size := rng.IntN(3) > 0, dns.MinMsgSize-150+rng.IntN(dns.DefaultMsgSize-dns.MinMsgSize)
					if !udp {
						size = dns.MaxMsgSize
					}
					req := new(dns.Msg).SetQuestion(q.qname, rrtype)
					if rng.IntN(2) == 0 {
						req.Question[0].Name = strings.ToUpper(q.qname) // compression tells cases apart
					}
					if rng.IntN(2) == 0 {
						req.SetEdns0(dns.DefaultMsgSize, true)
					}
					what := fmt.Sprintf("seed %d, round %d: %s %s in %d", seed, round, q.qname, dns.TypeToString[rrtype], size)
					compareMessages(t, what, req, a.records, rng.Uint64(), size, udp)
				}
			}
		}
	}
}

func compareMessages(t *testing.T, what string, req *dns.Msg, set recordSet, orderSeed uint64, size int, udp bool) {
	t.Helper()
	sameOrder := func() *order {
		in := shuffled(set.count(), set.count(), false, nil, orderSeed)
		return &in
	}
	got, want := new(dns.Msg).SetReply(req), new(dns.Msg).SetReply(req)
	got.Extra = slices.Clone(req.Extra)
	glue, cut := render(got, set, sameOrder(), size)
	got.Extra = append(glue, req.Extra...)
	qname := strings.ToLower(req.Question[0].Name)
	spell(got.Answer, qname, req.Question[0].Name)
	truncate(got, size, udp, cut)

	answers, wholeGlue := wholeSet(set, sameOrder())
	spell(answers, qname, req.Question[0].Name)
	largest(want, answers, wholeGlue, req.Extra, size, udp)
	if got, want := recordsOf(got), recordsOf(want); got != want {
		t.Fatalf("%s: the message is\n%s\nwant\n%s", what, got, want)
	}
	wire, err := got.Pack()
	if err != nil || len(wire) > size {
		t.Fatalf("%s: %d octets, %v", what, len(wire), err)
	}
}

// wholeSet renders all records of a set, and the glue of each target.
func wholeSet(set recordSet, in *order) (answers []dns.RR, glue [][]dns.RR) {
	seen := map[string]bool{}
	for range set.count() {
		at := in.next()
		rr := set.record(at)
		answers = append(answers, rr)
		if g := set.appendGlue(nil, at, targetOf(rr)); len(g) > 0 && !seen[targetOf(rr)] {
			seen[targetOf(rr)] = true
			glue = append(glue, g)
		}
	}
	return answers, glue
}

// largest makes the message the largest that fits.
func largest(m *dns.Msg, answers []dns.RR, glue [][]dns.RR, opt []dns.RR, size int, udp bool) {
	m.Compress = true
	build := func(a, g int) bool {
		m.Answer, m.Extra = answers[:a], slices.Concat(slices.Concat(glue[:g]...), opt)
		return m.Len() <= size
	}
	// The length grows with the number of records: search for the most.
	most := func(limit int, fits func(n int) bool) int {
		return sort.Search(limit+1, func(n int) bool { return !fits(n) }) - 1
	}
	if g := most(len(glue), func(n int) bool { return build(len(answers), n) }); g >= 0 {
		build(len(answers), g)
		return
	}
	a := most(len(answers), func(n int) bool { return build(n, 0) })
	build(max(a, 0), 0)
	m.Truncated = udp
}

// randomService returns a service default/many of up to 2,000 instances, some of
// them hosts, with targets and addresses of all lengths.
func randomService(rng *rand.Rand) values {
	vs := values{}
	n := 1 + rng.IntN([]int{20, 200, 2000}[rng.IntN(3)])
	hosts, long := rng.IntN(3), 1+rng.IntN(55)
	for i := range n {
		id := "i" + fmt.Sprint(i)
		if i > 0 {
			id += strings.Repeat("x", rng.IntN(long))
		}
		where := fmt.Sprintf(`"host":"h%d.%s.example"`, rng.IntN(50), strings.Repeat("y", 1+rng.IntN(60)))
		if hosts == 0 || rng.IntN(hosts+1) > 0 || i == 0 {
			addrs := []string{fmt.Sprintf(`"10.%d.%d.%d"`, rng.IntN(3), i>>8, i&255)}
			for range rng.IntN(4) {
				addrs = append(addrs, fmt.Sprintf(`"10.0.%d.%d"`, rng.IntN(3), rng.IntN(256)), fmt.Sprintf(`"2001:db8::%x"`, 1+rng.IntN(500)))
			}
			where = `"addresses":[` + strings.Join(addrs, ",") + `]`
		}
		vs["default/many/"+id] = fmt.Sprintf(`{%s,"ports":[{"name":"http","port":%d},{"port":%d}]}`, where, 1+rng.IntN(3), 1+rng.IntN(65535))
	}
	return vs
}
