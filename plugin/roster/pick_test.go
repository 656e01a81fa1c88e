package roster

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"
)

// TestPickDistribution compares how often each record is picked, and as which one,
// with what picking by weight without replacement makes likely.
func TestPickDistribution(t *testing.T) {
	t.Parallel()
	const rounds = 40_000
	weights := []uint64{1, 5, 10, 84}
	p := newPicker(len(weights), func(i int) candidate { return candidate{weight: weights[i]} })
	picks := &sampler{rng: rand.New(rand.NewPCG(1, 2))}
	var counted [4][4]float64 // by place and record
	for range rounds {
		picked, whole := picks.pick(nil, p, 3, 3)
		if len(picked) != 3 || whole != 0 {
			t.Fatalf("picked %v, of which %d of whole priority values", picked, whole)
		}
		for place, index := range picked {
			counted[place][index]++
		}
	}
	var want [4][4]float64
	var likely func(place int, chance float64, left []int)
	likely = func(place int, chance float64, left []int) {
		total := 0.0
		for _, i := range left {
			total += float64(weights[i])
		}
		for k, i := range left {
			c := chance * float64(weights[i]) / total
			want[place][i] += c
			if place < 2 {
				likely(place+1, c, slices.Delete(slices.Clone(left), k, k+1))
			}
		}
	}
	likely(0, 1, []int{0, 1, 2, 3})
	for place := range 3 {
		for i := range weights {
			got, chance := counted[place][i]/rounds, want[place][i]
			if deviation := 5 * math.Sqrt(chance*(1-chance)/rounds); math.Abs(got-chance) > deviation {
				t.Errorf("record %d is at place %d in %.4f of the picks, want %.4f", i, place, got, chance)
			}
		}
	}
}

// TestPickOrders is a chi-squared test of the orders in which records are picked.
func TestPickOrders(t *testing.T) {
	t.Parallel()
	const rounds = 100_000
	weights := []uint64{7, 1, 3, 9}
	p := newPicker(len(weights), func(i int) candidate { return candidate{weight: weights[i]} })
	picks := &sampler{rng: rand.New(rand.NewPCG(5, 6))}
	counted := map[string]float64{}
	for range rounds {
		picked, _ := picks.pick(nil, p, 3, 3)
		counted[fmt.Sprint(picked)]++
	}
	chi2, orders := 0.0, 0
	for a := range weights {
		for b := range weights {
			for c := range weights {
				if a == b || b == c || a == c {
					continue
				}
				chance, left := 1.0, uint64(20)
				for _, i := range []int{a, b, c} {
					chance *= float64(weights[i]) / float64(left)
					left -= weights[i]
				}
				deviation := counted[fmt.Sprint([]int{a, b, c})] - rounds*chance
				chi2 += deviation * deviation / (rounds * chance)
				orders++
			}
		}
	}
	// With 23 degrees of freedom it is larger by chance once in 10,000 times.
	if len(counted) != orders || chi2 > 58 {
		t.Errorf("%d orders of %d, chi-squared %.1f", len(counted), orders, chi2)
	}
}

// pickSlowly is picker.sample as it is defined: each is picked by going through all
// that are left.
func pickSlowly(weights []uint64, n int, rng *rand.Rand) (picked []uint32) {
	weights = slices.Clone(weights)
	for range n {
		total := uint64(0)
		for _, w := range weights {
			total += w
		}
		point, at := rng.Uint64N(total), 0
		for ; point >= weights[at]; at++ {
			point -= weights[at]
		}
		weights[at] = 0
		picked = append(picked, uint32(at))
	}
	return picked
}

// TestPickLarge: records picked of many are those of pickSlowly, and cost the
// logarithm of their number each, whatever their weights.
func TestPickLarge(t *testing.T) {
	t.Parallel()
	const all, n = 1000, 999
	for name, weight := range map[string]func(i int) uint64{
		"equal":      func(int) uint64 { return 100 },
		"random":     func(i int) uint64 { return 1 + uint64(i)*7919%65_535 },
		"ascending":  func(i int) uint64 { return 1 + 65*uint64(i) },
		"descending": func(i int) uint64 { return 65_535 - 65*uint64(i) },
		"doubling":   func(i int) uint64 { return 1 << (i * 16 / all) },
		"halving":    func(i int) uint64 { return 1 << (16 - i*16/all) },
		"one heavy":  func(i int) uint64 { return []uint64{1, 65_535}[max(0, i-all+2)] },
	} {
		weights := make([]uint64, all)
		for i := range weights {
			weights[i] = weight(i)
		}
		p := newPicker(all, func(i int) candidate { return candidate{weight: weights[i]} })
		picks := &sampler{rng: rand.New(rand.NewPCG(7, 8))}
		picked, _ := picks.pick(nil, p, n, n)
		if want := pickSlowly(weights, n, rand.New(rand.NewPCG(7, 8))); !slices.Equal(picked, want) {
			t.Errorf("%s: picked %v\nwant %v", name, picked, want)
		}
		var tree pickedTree
		tree.reset(n)
		for _, at := range picked {
			tree.add(int(at), weights[at])
		}
		if d := depth(tree.root); d > 60 { // six times the logarithm
			t.Errorf("%s: the way down is %d records long", name, d)
		}
	}
}

func depth(r *pickedRecord) int {
	if r == nil {
		return 0
	}
	return 1 + max(depth(r.left), depth(r.right))
}

// TestPickPriorities: the lowest priority values are there whole, and of one at most
// some.
func TestPickPriorities(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	picks := &sampler{rng: rng}
	for range 500 {
		all := make([]candidate, 1+rng.IntN(30))
		for i := range all {
			all[i] = candidate{uint16(rng.IntN(4)), 1 + rng.Uint64N(100)}
		}
		n, most := rng.IntN(len(all)), rng.IntN(len(all))
		picked, whole := picks.pick(nil, newPicker(len(all), func(i int) candidate { return all[i] }), n, most)
		most = min(n, most)
		priorities := make([]int, len(picked))
		for i, index := range picked {
			priorities[i] = int(all[index].priority)
		}
		sorted := make([]int, len(all))
		for i := range all {
			sorted[i] = int(all[i].priority)
		}
		slices.Sort(sorted)
		if !slices.Equal(priorities, sorted[:most]) {
			t.Fatalf("%v: picked %d of %d of priorities %v", all, most, n, priorities)
		}
		if unique := slices.Compact(slices.Sorted(slices.Values(picked))); len(unique) != most {
			t.Fatalf("%v: picked %v", all, picked)
		}
		wantWhole := n
		for wantWhole > 0 && n < len(sorted) && sorted[wantWhole-1] == sorted[n] {
			wantWhole--
		}
		wantWhole = min(wantWhole, most)
		if whole != wantWhole {
			t.Fatalf("%v: %d of %v are of whole priority values, want %d", all, whole, priorities, wantWhole)
		}
	}
}

func limited(tb testing.TB, n int) *Roster {
	tb.Helper()
	vs := values{}
	for i := range 20 {
		vs[fmt.Sprintf("default/many/i%d", i)] = fmt.Sprintf(
			`{"addresses":["10.0.0.%d","2001:db8::%x"],"ports":[{"name":"http","port":80},{"port":81}],"priority":%d,"weight":%d,"metadata":{"alpn":"h2"}}`, i+1, i+1, i/5, 1+i)
	}
	return serving(tb, fmt.Sprintf("roster {\n max_answers %d\n}", n), vs)
}

func TestMaxAnswers(t *testing.T) {
	t.Parallel()
	r := limited(t, 7)
	for question, want := range map[string]int{
		// Five have the lowest priority value.
		"many.default.svc.internal. A": 5, "many.default.svc.internal. AAAA": 5,
		"many.default.svc.internal. SRV": 7, "_http._tcp.many.default.svc.internal. SRV": 7, "many.default.svc.internal. HTTPS": 7,
		"many.default.svc.internal. SVCB": 7, "_80._https.many.default.svc.internal. HTTPS": 7,
		"l.prefer._zone.many.default.svc.internal. SRV": 7,
		// Those of an instance, and lists, are whole.
		"i19.many.default.svc.internal. SRV": 2, "_http._tcp.many.default.svc.internal. PTR": 20,
	} {
		got := ask(t, r, query(question), true)
		if len(got.Answer) != want || got.Truncated {
			t.Errorf("%s: %d records, want %d: %v", question, len(got.Answer), want, got)
		}
	}
	seen, first := map[string]bool{}, map[string]bool{}
	for range 200 {
		got := ask(t, r, query("_http._tcp.many.default.svc.internal. SRV"), true)
		first[got.Answer[0].(*dns.SRV).Target] = true
		for _, rr := range got.Answer {
			srv := rr.(*dns.SRV)
			number := 0
			if _, err := fmt.Sscanf(srv.Target, "i%d.", &number); err != nil {
				t.Fatal(srv, err)
			}
			switch {
			case srv.Priority == 0 && int(srv.Weight) != 1+number: // all of it are there
				t.Errorf("%v: want the instance's own weight", srv)
			case srv.Priority == 1 && srv.Weight != 100:
				t.Errorf("%v: the weight is that of a sample, want 100", srv)
			case srv.Priority > 1:
				t.Errorf("%v: others have a lower priority value", srv)
			}
			seen[srv.Target] = true
		}
	}
	if len(seen) != 10 {
		t.Errorf("%d targets in turn, want the ten of the lowest priority values", len(seen))
	}
	if len(first) != 5 {
		t.Errorf("%d targets come first, want the five of the lowest priority value", len(first))
	}
	if got := ask(t, limited(t, 3), query("many.default.svc.internal. A"), true); len(got.Answer) != 3 {
		t.Errorf("%v", got)
	}
}

// TestMaxAnswersByWeight: targets and endpoints are picked by the weight of instances.
func TestMaxAnswersByWeight(t *testing.T) {
	t.Parallel()
	const value = `{"addresses":["10.0.0.%d"],"ports":[{"name":"http","port":80}],"weight":%d,"metadata":{"alpn":"h2"}}`
	vs := values{"d/s/heavy": fmt.Sprintf(value, 200, 65535)}
	for i := range 20 {
		vs[fmt.Sprintf("d/s/i%d", i)] = fmt.Sprintf(value, i, 1)
	}
	r := serving(t, "roster {\n max_answers 1\n}", vs)
	for _, question := range []string{"s.d.svc.internal. SRV", "_http._tcp.s.d.svc.internal. SRV", "s.d.svc.internal. HTTPS", "_80._https.s.d.svc.internal. HTTPS"} {
		heavy := 0
		for range 100 {
			if got := ask(t, r, query(question), true); strings.HasPrefix(targetOf(got.Answer[0]), "heavy.") {
				heavy++
			}
		}
		if heavy < 90 { // each is another one with a chance of 1 in 3,277
			t.Errorf("%s: the heaviest one is picked %d times of 100", question, heavy)
		}
	}
}

// TestMaxAnswersOfInstance: what an instance has it has by its own names as a whole,
// and glue is whole.
func TestMaxAnswersOfInstance(t *testing.T) {
	t.Parallel()
	r := serving(t, "roster 10.0.0.0/8 svc.internal {\n max_answers 1\n}", values{
		"d/s/a": `{"addresses":["10.0.0.1","10.0.0.2","10.0.0.3"],"ports":[{"name":"http","port":80},{"name":"https","port":443}]}`,
		"d/s/b": `{"addresses":["10.0.0.1"],"ports":[{"name":"http","port":80}],"priority":1}`,
	})
	for question, want := range map[string][2]int{
		"a.s.d.svc.internal. A":              {3, 0},
		"a.s.d.svc.internal. SRV":            {2, 3},
		"a._http._tcp.s.d.svc.internal. SRV": {1, 3},
		"s.d.svc.internal. SRV":              {1, 3},
		"s.d.svc.internal. A":                {1, 0},
		"_http._tcp.s.d.svc.internal. PTR":   {2, 0},
		"1.0.0.10.in-addr.arpa. PTR":         {2, 0},
	} {
		if got := ask(t, r, query(question), true); len(got.Answer) != want[0] || len(got.Extra) != want[1] {
			t.Errorf("%s: %v, want %v records", question, got, want)
		}
	}
}

// TestMaxAnswersTruncated: where not all that are picked fit, those that do are picked
// by weight all the same.
func TestMaxAnswersTruncated(t *testing.T) {
	t.Parallel()
	vs := values{"default/many/heavy": `{"addresses":["10.1.0.1"],"weight":65535}`}
	for i := range 100 {
		vs[fmt.Sprintf("default/many/i%d", i)] = fmt.Sprintf(`{"addresses":["10.0.0.%d"],"weight":1}`, i+1)
	}
	r := serving(t, "roster {\n max_answers 100\n}", vs)
	for range 50 {
		got := ask(t, r, query("many.default.svc.internal. A"), false)
		has := slices.ContainsFunc(got.Answer, func(rr dns.RR) bool { return strings.HasSuffix(rr.String(), "10.1.0.1") })
		if !got.Truncated || len(got.Answer) < 20 || len(got.Answer) > 40 || !has {
			t.Fatalf("the heaviest one is missing among %d: %v", len(got.Answer), got)
		}
	}
}

// TestSharedAddress: instances with one address in common count together.
func TestSharedAddress(t *testing.T) {
	t.Parallel()
	vs := values{"default/s/z": `{"addresses":["10.0.0.2"],"weight":1}`}
	for i := range 50 {
		vs[fmt.Sprintf("default/s/i%d", i)] = `{"addresses":["10.0.0.1","10.0.0.1"],"weight":100}`
	}
	sets := servedOf(storeOf(t, vs).Load().Service("default", "s")).whole().addressSet(dns.TypeA)
	for address, want := range map[string]uint64{"10.0.0.1": 5000, "10.0.0.2": 1} {
		a := netip.MustParseAddr(address)
		if got := sets.candidate(&a); got.weight != want {
			t.Errorf("%s has weight %d, want %d", address, got.weight, want)
		}
	}
}

// TestSameFor: for a signer, a version of a service has the same records each time.
func TestSameFor(t *testing.T) {
	t.Parallel()
	r := limited(t, 7)
	z := r.zones["svc.internal."]
	pick := func(name string) (list []string) {
		q := r.question(z, name, dns.TypeSRV)
		q.limit.random = sameFor(q.answering.service)
		a := q.resolve()
		for i := range a.count() {
			list = append(list, a.records.record(i).String())
		}
		return list
	}
	first := pick("_http._tcp.many.default.svc.internal.")
	for range 20 {
		if again := pick("_http._tcp.many.default.svc.internal."); !slices.Equal(first, again) {
			t.Fatalf("picked\n%q, then\n%q", first, again)
		}
	}
}
