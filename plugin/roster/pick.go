package roster

import (
	"cmp"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"sort"
	"sync"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
)

// maxPicked is how many records are picked at most: no message has room for more.
const maxPicked = dns.MaxMsgSize / aSize

// limit is how many records an answer can have, and how they are picked.
type limit struct {
	answers int // max_answers; 0 is without a limit
	// random is what records are picked by; nil for one that differs each time.
	random *rand.Rand
	// room is how many of those picked there is room for at most; 0 where that is not known.
	room int
}

// unlimited is the limit of answers that are about one instance.
var unlimited limit

// candidate is what counts of a record when some are picked.
type candidate struct {
	priority uint16
	weight   uint64
}

// picker is a record set of which some are picked: by ascending priority value, and
// within one at random by weight, without replacement. A pick costs as much as it is
// large, not the set. It is safe for concurrent use.
type picker struct {
	order []uint32 // the indexes of records by ascending priority value
	// sums are the weights of all before in order, and at the end that of all.
	sums []uint64
	// ends are where a priority value ends in order.
	ends []int
}

func newPicker(n int, of func(i int) candidate) *picker {
	p := &picker{order: make([]uint32, n), sums: make([]uint64, 1, n+1)}
	all := make([]candidate, n)
	for i := range n {
		p.order[i], all[i] = uint32(i), of(i)
	}
	slices.SortStableFunc(p.order, func(a, b uint32) int { return cmp.Compare(all[a].priority, all[b].priority) })
	for i, at := range p.order {
		p.sums = append(p.sums, p.sums[i]+all[at].weight)
		if i+1 == n || all[p.order[i+1]].priority != all[at].priority {
			p.ends = append(p.ends, i+1)
		}
	}
	return p
}

// before implements weights.
func (p *picker) before(place int) uint64 { return p.sums[place] }

// find implements weights.
func (p *picker) find(point uint64, start, end int) int {
	return start + sort.Search(end-start, func(k int) bool { return p.sums[start+k+1] > point })
}

// index implements weights.
func (p *picker) index(place int) uint32 { return p.order[place] }

// priorities implements weights.
func (p *picker) priorities() []int { return p.ends }

// picking says which records answer.
type picking struct {
	// picker picks them, where they are fewer than there are; else it is nil.
	picker weights
	picks  int
}

// picks reports whether a set of n records is to be picked from, and how many of it
// are.
func (l *limit) picks(n int) (int, bool) {
	if l.answers == 0 || l.answers >= n {
		return n, false
	}
	return min(l.answers, maxPicked), true
}

// most returns how many of n records that are picked there is room for at most.
func (l *limit) most(n int) int {
	if l.room == 0 {
		return n
	}
	return min(n, l.room)
}

// sameFor returns what picks the same records of a version of a service each time.
func sameFor(s *services.Service) *rand.Rand {
	h := fnv.New64a()
	_, _ = h.Write([]byte(s.Namespace + "/" + s.Name)) // never fails
	return rand.New(rand.NewPCG(uint64(s.Revision), h.Sum64()))
}

func (l *limit) sampler() *sampler {
	if l.random != nil {
		return &sampler{rng: l.random}
	}
	return newSampler().(*sampler)
}

// pickers are those of a list and of its beginnings, by their lengths: records are
// picked from those whose names are not too long. It is safe for concurrent use.
type pickers struct{ by sync.Map }

// of returns the picker of a list of n, or nil if none has been needed yet.
func (p *pickers) of(n int) *picker {
	made, _ := p.by.Load(n)
	of, _ := made.(*picker)
	return of
}

// take takes over the picker of a list of n from those of an equal list.
func (p *pickers) take(from *pickers, n int) {
	if made := from.of(n); made != nil {
		p.by.Store(n, made)
	}
}

// pick returns those of a list of records that are picked, as far as there is room, and
// how many of them are not of a sample; ordered says that their order decides which are
// left where not all fit.
func pick[T any](l *limit, list []T, of func(T) candidate, made *pickers) (picked []T, whole int, ordered bool) {
	n, some := l.picks(len(list))
	if !some {
		return list, len(list), false
	}
	p, ok := made.by.Load(len(list))
	if !ok {
		p, _ = made.by.LoadOrStore(len(list), newPicker(len(list), func(i int) candidate { return of(list[i]) }))
	}
	most := l.most(n)
	indexes, whole := l.sampler().pick(make([]uint32, 0, most), p.(weights), n, most)
	picked = make([]T, len(indexes))
	for i, index := range indexes {
		picked[i] = list[index]
	}
	return picked, whole, true
}

// candidateOf returns what counts of a record of an instance.
func candidateOf(in *catalog.Instance) candidate { return candidate{in.Priority, uint64(in.Weight)} }
