package roster

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/rosterdns/roster/catalog"
)

// shardSize is how many contributions shards have on average, at most: of some ten
// thousand, about as much is copied of the list of shards as of a shard.
const shardSize = 128

// shards are what the instances of a large service contribute to a record set. It is
// immutable; that of the next version shares what hasn't changed.
type shards[T contribution[T]] struct {
	ranks []rank[T] // in ascending order of priority values; none is empty
}

// contribution is what an instance adds to a record set: one record, which others can
// add too.
type contribution[T any] interface {
	// compare orders contributions. Those to one record come one after the other.
	compare(other T) int
	// repeats reports whether the record is that of another one.
	repeats(other T) bool
	// hash is the same of those to one record.
	hash() uint64
	// weight is that of the record when some are picked, to which all of these contribute.
	weight(all []T) uint64
	instance() *catalog.Instance
	labelLen() int
}

// rank are the contributions of one priority value.
type rank[T contribution[T]] struct {
	priority uint16
	shards   []*shard[T] // by hash; they are as many as a power of two
	size     int         // of all of them
	up       int         // how many are of instances that are up
}

// shard are those contributions of a rank that have a part of their hash in common.
type shard[T contribution[T]] struct {
	all     []T      // in order
	records []T      // the first one to each record
	sums    []uint64 // the weights of all records before, and at the end of all
	ttl     ownTTLs
	longest int // length of the longest label in octets
	up      int
}

func newShard[T contribution[T]](all []T) *shard[T] {
	s := &shard[T]{all: all, sums: make([]uint64, 1, len(all)+1)}
	for rest := all; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].repeats(rest[0]) {
			n++
		}
		s.sums = append(s.sums, s.sums[len(s.sums)-1]+rest[0].weight(rest[:n]))
		rest = rest[n:]
	}
	if s.records = all; len(s.sums) <= len(all) {
		s.records = slices.CompactFunc(slices.Clone(all), func(a, b T) bool { return b.repeats(a) })
	}
	for _, t := range all {
		s.ttl.add(t.instance())
		s.longest = max(s.longest, t.labelLen())
		if t.instance().Up() {
			s.up++
		}
	}
	return s
}

// shardEdit adds a contribution or removes one.
type shardEdit[T any] struct {
	of     T
	remove bool
}

// with returns the shard after edits.
func (s *shard[T]) with(edits []shardEdit[T]) *shard[T] {
	all := append(make([]T, 0, len(s.all)+len(edits)), s.all...)
	for _, e := range edits {
		at, found := slices.BinarySearchFunc(all, e.of, T.compare)
		switch {
		case e.remove && found:
			all = slices.Delete(all, at, at+1)
		case !e.remove && !found:
			all = slices.Insert(all, at, e.of)
		}
	}
	return newShard(all)
}

// with returns the shards after edits, which are made in their order. Its cost is that
// of the edits, and of a copy of the lists of shards that they are in.
func (s *shards[T]) with(edits []shardEdit[T]) *shards[T] {
	byPriority := map[uint16][]shardEdit[T]{}
	for _, e := range edits {
		p := e.of.instance().Priority
		byPriority[p] = append(byPriority[p], e)
	}
	next := &shards[T]{slices.Clone(s.ranks)}
	for priority, edits := range byPriority {
		at, found := next.find(priority)
		if !found {
			next.ranks = slices.Insert(next.ranks, at, rank[T]{priority: priority, shards: []*shard[T]{{}}})
		}
		if next.ranks[at] = next.ranks[at].with(edits); next.ranks[at].size == 0 {
			next.ranks = slices.Delete(next.ranks, at, at+1)
		}
	}
	return next
}

// with returns the rank after edits.
func (r rank[T]) with(edits []shardEdit[T]) rank[T] {
	r = r.spread(r.size + len(edits))
	byShard := map[uint64][]shardEdit[T]{}
	for _, e := range edits {
		at := e.of.hash() % uint64(len(r.shards))
		byShard[at] = append(byShard[at], e)
	}
	r.size, r.up = 0, 0
	for at, edits := range byShard {
		r.shards[at] = r.shards[at].with(edits)
	}
	for _, s := range r.shards {
		r.size += len(s.all)
		r.up += s.up
	}
	return r
}

// spread returns the rank with a list of shards of its own, which are in number for so
// many contributions: or twice as many, so that it doesn't change with each edit.
func (r rank[T]) spread(size int) rank[T] {
	number := 1 << bits.Len(uint(size/shardSize))
	if n := len(r.shards); number == n || number == n/2 {
		r.shards = slices.Clone(r.shards)
		return r
	}
	lists := make([][]T, number)
	for _, s := range r.shards {
		for _, t := range s.all {
			at := t.hash() % uint64(number)
			lists[at] = append(lists[at], t)
		}
	}
	r.shards = make([]*shard[T], number)
	for i, list := range lists {
		slices.SortFunc(list, T.compare)
		r.shards[i] = newShard(list)
	}
	return r
}

// only returns the shards of one priority value.
func (s *shards[T]) only(priority uint16) *shards[T] {
	at, found := s.find(priority)
	if !found {
		return new(shards[T])
	}
	return &shards[T]{s.ranks[at : at+1]}
}

// find returns where the rank of a priority value is, or would be.
func (s *shards[T]) find(priority uint16) (at int, found bool) {
	return slices.BinarySearchFunc(s.ranks, priority, func(r rank[T], p uint16) int { return cmp.Compare(r.priority, p) })
}
