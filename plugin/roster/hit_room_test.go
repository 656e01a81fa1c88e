package roster

import (
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/plugin/roster/internal/wire"
)

// countedWeights counts how many records are picked by it.
type countedWeights struct {
	weights
	picked int
}

func (w *countedWeights) index(place int) uint32 {
	w.picked++
	return w.weights.index(place)
}

// inPriorities returns n instances of a service, of which the first have the priority
// value 0, and the others 1.
func inPriorities(n, first int) values {
	vs := values{}
	for i := range n {
		vs[fmt.Sprintf("default/many/i%05d", i)] = fmt.Sprintf(
			`{"addresses":["10.0.%d.%d"],"ports":[{"name":"http","port":80}],"priority":%d,"weight":7}`, i>>8, i&255, min(i/first, 1))
	}
	return vs
}

// findPacked takes a query and returns what answers it once that is packed.
func findPacked(t *testing.T, r *Roster, s *scratch, req *dns.Msg) hit {
	t.Helper()
	for range 1_000 {
		s.query = wire.Query{}
		if !s.take(req) {
			t.Fatal("not taken")
		}
		if h, ok := r.find(s, ownAddrs[0]); ok && h.Packed != nil {
			return h
		}
	}
	t.Fatal("not packed")
	return hit{}
}

// srvAnswers returns the records of an answer.
func srvAnswers(t *testing.T, octets []byte) (m *dns.Msg, ownWeights int) {
	t.Helper()
	m = new(dns.Msg)
	if err := m.Unpack(octets); err != nil {
		t.Fatal(err)
	}
	for _, rr := range m.Answer {
		if rr.(*dns.SRV).Weight == 7 {
			ownWeights++
		}
	}
	return m, ownWeights
}

// TestHitPicksWhatFits: however many records max_answers allows, no more are picked than
// an answer has room for, and the answer has what it has if all are: as many records, of
// the same priority values, with the weights of a sample only where it is one, and TC.
func TestHitPicksWhatFits(t *testing.T) {
	t.Parallel()
	const n, maxAnswers = 2_000, 1_500
	for _, first := range []int{10, 1_000, n} {
		r := serving(t, fmt.Sprintf("roster {\n max_answers %d\n}", maxAnswers), inPriorities(n, first))
		for _, tcp := range []bool{false, true} {
			s := scratches.Get().(*scratch)
			h := findPacked(t, r, s, withEDNS(query(manySRV), 1232, false))
			r.addressed(s, remote{ownAddrs[0], !tcp})

			places, sampled := newSampler().(*sampler).pick(nil, h.picker, h.picks, h.picks)
			s.reply.Sampled = sampled
			want, wantOwn := srvAnswers(t, h.Append(nil, &s.query, places, &s.reply))

			counted := &countedWeights{weights: h.picker}
			h.picker = counted
			octets, ok := h.appendTo(nil, s)
			if !ok {
				t.Fatal("not answered")
			}
			got, own := srvAnswers(t, octets)
			if len(got.Answer) != len(want.Answer) || got.Truncated != want.Truncated || own != wantOwn {
				t.Errorf("%d first, TCP %v: %d records, TC %v, %d with their own weights; want %d, %v, %d",
					first, tcp, len(got.Answer), got.Truncated, own, len(want.Answer), want.Truncated, wantOwn)
			}
			// Records are as large as the smallest one, but for the header and OPT.
			if most := h.Most(s.reply.Size); counted.picked > min(most, maxAnswers) || len(got.Answer) > most {
				t.Errorf("%d first, TCP %v: %d records are picked for an answer of %d", first, tcp, counted.picked, len(got.Answer))
			}
			s.release()
		}
	}
}

// TestPartialCostBound: what is packed of a large set for one answer costs no more than
// the answer has room for, however many records max_answers allows.
func TestPartialCostBound(t *testing.T) { // not parallel: it counts the process's allocations
	const n = 4_000
	few, many := partialCost(t, 100, n), partialCost(t, n-1, n)
	if many > few*11/10+1024 { // answers differ by the names that they hold
		t.Errorf("%d bytes to answer with at most %d records, %d with 100", many, n-1, few)
	}
}

// partialCost returns the fewest bytes that an answer takes of several, since what else runs
// in the process takes some, too.
func partialCost(t *testing.T, maxAnswers, n int) uint64 {
	t.Helper()
	r := serving(t, fmt.Sprintf("roster {\n max_answers %d\n}", maxAnswers), inPriorities(n, n))
	least := uint64(math.MaxUint64)
	for range 10 {
		s := scratches.Get().(*scratch)
		if !s.take(withEDNS(query(manySRV), 1232, false)) {
			t.Fatal("not taken")
		}
		h, ok := r.find(s, ownAddrs[0])
		if !ok || h.Packed != nil {
			t.Fatalf("found %v, packed %v: want it found and not packed", ok, h.Packed != nil)
		}
		r.addressed(s, remote{ownAddrs[0], true})
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, ok := h.appendTo(s.buf[:0], s); !ok {
			t.Fatal("not answered")
		}
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
		s.release()
	}
	return least
}

// TestPicksAllocateNothing: a sampler allocates nothing but memory that it uses again,
// also where priority values are cut off.
func TestPicksAllocateNothing(t *testing.T) { // not parallel: it counts the process's allocations
	p := newPicker(2_000, func(i int) candidate { return candidate{uint16(i / 400), 7} })
	picks, places := newSampler().(*sampler), make([]uint32, 0, 1_500)
	for _, most := range []int{1, 80, 300, 500, 1_300, 1_500} {
		if allocs := testing.AllocsPerRun(100, func() { picks.pick(places, p, 1_500, most) }); allocs > 0 {
			t.Errorf("%v allocations to pick %d", allocs, most)
		}
	}
}
