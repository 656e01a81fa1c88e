package roster

import "sort"

// shardList are the records of shards, one after the other, in ascending order of
// priority values. It is immutable, and made for each version: it costs as much as there
// are shards.
type shardList[T contribution[T]] struct {
	shards []*shard[T]
	starts []int    // how many records are in all shards before, and at the end in all
	sums   []uint64 // the same of weights
	ends   []int    // where a priority value ends
	// ttl and longest are those of all shards.
	ttl     ownTTLs
	longest int
}

func newShardList[T contribution[T]](s *shards[T]) *shardList[T] {
	n := 0
	for i := range s.ranks {
		n += len(s.ranks[i].shards)
	}
	l := &shardList[T]{shards: make([]*shard[T], 0, n), starts: make([]int, 1, n+1), sums: make([]uint64, 1, n+1)}
	for i := range s.ranks {
		for _, part := range s.ranks[i].shards {
			if len(part.all) == 0 {
				continue
			}
			at := len(l.shards)
			l.shards = append(l.shards, part)
			l.starts = append(l.starts, l.starts[at]+len(part.records))
			l.sums = append(l.sums, l.sums[at]+part.sums[len(part.records)])
			l.ttl.merge(part.ttl)
			l.longest = max(l.longest, part.longest)
		}
		l.ends = append(l.ends, l.len())
	}
	return l
}

func (l *shardList[T]) len() int { return l.starts[len(l.shards)] }

// at returns a record.
func (l *shardList[T]) at(place int) T {
	i := l.shardOf(place)
	return l.shards[i].records[place-l.starts[i]]
}

// shardOf returns the index of the shard that a record is in.
func (l *shardList[T]) shardOf(place int) int {
	return sort.Search(len(l.shards), func(i int) bool { return l.starts[i+1] > place })
}

// before implements weights.
func (l *shardList[T]) before(place int) uint64 {
	if place == l.len() {
		return l.sums[len(l.shards)]
	}
	i := l.shardOf(place)
	return l.sums[i] + l.shards[i].sums[place-l.starts[i]]
}

// find implements weights.
func (l *shardList[T]) find(point uint64, _, _ int) int {
	i := sort.Search(len(l.shards), func(i int) bool { return l.sums[i+1] > point })
	sums := l.shards[i].sums[1:]
	return l.starts[i] + sort.Search(len(sums), func(k int) bool { return l.sums[i]+sums[k] > point })
}

// index implements weights: places are indexes.
func (l *shardList[T]) index(place int) uint32 { return uint32(place) }

// priorities implements weights.
func (l *shardList[T]) priorities() []int { return l.ends }

// picked returns those records that are picked, as pick does of a list; and nil where
// they are all.
func (l *shardList[T]) picked(by *limit) (picked []T, whole int) {
	n, some := by.picks(l.len())
	if !some {
		return nil, l.len()
	}
	most := by.most(n)
	places, whole := by.sampler().pick(make([]uint32, 0, most), l, n, most)
	picked = make([]T, len(places))
	for i, place := range places {
		picked[i] = l.at(int(place))
	}
	return picked, whole
}

// records returns all of them.
func (l *shardList[T]) records() []T {
	all := make([]T, 0, l.len())
	for _, s := range l.shards {
		all = append(all, s.records...)
	}
	return all
}
