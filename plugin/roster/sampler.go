package roster

import (
	"math/rand/v2"
	"slices"
	"sync"
)

// sampler picks, in memory that it uses again. It is for one goroutine.
type sampler struct {
	rng   *rand.Rand
	tree  pickedTree // memory of sample
	order []uint32   // memory of shuffle
}

var samplers = sync.Pool{New: newSampler}

// newSampler returns one that picks others each time.
func newSampler() any { return &sampler{rng: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))} }

// pick picks n records, and appends the indexes of the first most of them to indexes,
// which is empty. The n records are all those of some priority values, and a sample of
// one more: whole is how many of those appended are before the sample. What is not
// appended is not picked either, so that the cost follows most.
func (s *sampler) pick(indexes []uint32, of weights, n, most int) (picked []uint32, whole int) {
	picked, most = indexes, min(n, most)
	start := 0
	for _, end := range of.priorities() {
		if start >= most {
			break
		}
		if end > n {
			return s.sample(picked, of, start, end, most-start), start
		}
		picked = s.shuffle(picked, of, start, end, min(end, most)-start)
		start = end
	}
	return picked, len(picked)
}

// shuffle appends n records of a priority value in random order, whatever their weights:
// all of that value are picked, and n is how many of them there is room for.
func (s *sampler) shuffle(picked []uint32, of weights, start, end, n int) []uint32 {
	s.order = slices.Grow(s.order[:0], roomToShuffle(n))
	in := shuffled(end-start, n, false, s.order[:cap(s.order)], s.rng.Uint64())
	for range n {
		picked = append(picked, of.index(start+in.next()))
	}
	return picked
}

// sample appends n records of a priority value, picked by weight. Each costs the logarithm
// of how many there are.
func (s *sampler) sample(picked []uint32, of weights, start, end, n int) []uint32 {
	s.tree.reset(n)
	first := of.before(start)
	rest := of.before(end) - first
	for range n {
		at := of.find(s.tree.skip(first+s.rng.Uint64N(rest), of), start, end)
		weight := of.before(at+1) - of.before(at)
		s.tree.add(at, weight)
		rest -= weight
		picked = append(picked, of.index(at))
	}
	return picked
}
