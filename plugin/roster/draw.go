package roster

import (
	"math/rand/v2"
	"sync"
)

// sampler picks, in memory that it uses again. It is for one goroutine.
type sampler struct {
	rng *rand.Rand
	out drawn
}

var samplers = sync.Pool{New: newSampler}

// newSampler returns one that picks others each time.
func newSampler() any { return &sampler{rng: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))} }

// pick appends the indexes of n records, and returns how many of them are those of
// priority values that are there whole; the rest is a sample of one. Whatever of it is
// cut off at the end, what is left is picked as if only so many had been asked for.
func (s *sampler) pick(indexes []uint32, of weights, n int) (picked []uint32, whole int) {
	picked, n = indexes, len(indexes)+n
	start := 0
	for _, end := range of.priorities() {
		if len(picked)+end-start > n {
			return s.sample(picked, of, start, end, n), len(picked) - len(indexes)
		}
		group := len(picked)
		for place := start; place < end; place++ {
			picked = append(picked, of.index(place))
		}
		s.rng.Shuffle(end-start, func(i, j int) {
			picked[group+i], picked[group+j] = picked[group+j], picked[group+i]
		})
		start = end
	}
	return picked, len(picked) - len(indexes)
}

// sample appends records of one priority value until there are n. Each costs the
// logarithm of how many there are.
func (s *sampler) sample(picked []uint32, of weights, start, end, n int) []uint32 {
	s.out.reset(n - len(picked))
	first := of.before(start)
	for rest := of.before(end) - first; len(picked) < n; {
		at := of.find(s.out.skip(first+s.rng.Uint64N(rest), of), start, end)
		weight := of.before(at+1) - of.before(at)
		s.out.add(at, weight)
		rest -= weight
		picked = append(picked, of.index(at))
	}
	return picked
}
