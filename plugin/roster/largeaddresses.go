package roster

import (
	"hash/maphash"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// addressOf is an address of an instance.
type addressOf struct {
	addr *netip.Addr
	in   *catalog.Instance
}

// eachAddress yields the addresses of an instance, each once.
func eachAddress(in *catalog.Instance) iter.Seq[addressOf] {
	return func(yield func(addressOf) bool) {
		for i := range in.Addresses {
			if !slices.Contains(in.Addresses[:i], in.Addresses[i]) && !yield(addressOf{&in.Addresses[i], in}) {
				return
			}
		}
	}
}

// shardSeed makes it impossible to choose instances that are in the same shard.
var shardSeed = maphash.MakeSeed()

func (a addressOf) compare(other addressOf) int {
	if c := a.addr.Compare(*other.addr); c != 0 {
		return c
	}
	return strings.Compare(a.in.ID, other.in.ID)
}

func (a addressOf) repeats(other addressOf) bool { return *a.addr == *other.addr }
func (a addressOf) hash() uint64                 { return maphash.Comparable(shardSeed, *a.addr) }
func (a addressOf) instance() *catalog.Instance  { return a.in }
func (a addressOf) labelLen() int                { return 0 }

// weight implements contribution: instances that have an address in common count together.
func (a addressOf) weight(all []addressOf) (sum uint64) {
	for _, other := range all {
		sum += uint64(other.in.Weight)
	}
	return sum
}

// addressShards are the addresses of a large service by family. It is immutable.
type addressShards struct{ v4, v6 *shards[addressOf] }

func (s addressShards) with(v4, v6 []shardEdit[addressOf]) addressShards {
	return addressShards{s.v4.with(v4), s.v6.with(v6)}
}

// preferred returns the lowest priority value of an instance that is up, or if none is,
// of any.
func (s addressShards) preferred() (lowest uint16) {
	found, up := false, false
	for _, family := range []*shards[addressOf]{s.v4, s.v6} {
		for i := range family.ranks {
			r := &family.ranks[i]
			if isUp := r.up > 0; !found || isUp && !up || isUp == up && r.priority < lowest {
				lowest, found, up = r.priority, true, isUp
			}
		}
	}
	return lowest
}
