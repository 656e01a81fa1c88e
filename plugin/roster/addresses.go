package roster

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
)

// addressSet is the data of an A or AAAA record set.
type addressSet struct {
	*setBase
	addresses []*netip.Addr // each once
	// large has them instead where they are those of a large service.
	large   *shardList[addressOf]
	of      []*catalog.Instance
	weights lazy[map[netip.Addr]uint64]
}

// setLarge makes the set that of these addresses.
func (s *addressSet) setLarge(from *shards[addressOf]) {
	s.large = newShardList(from)
	s.setBase = &setBase{ttl: s.large.ttl, large: s.large}
}

func (s *addressSet) len() int {
	if s.large != nil {
		return s.large.len()
	}
	return len(s.addresses)
}

// candidate returns what counts of an address when some are picked: instances that
// have it in common count together. All are of one priority value.
func (s *addressSet) candidate(a *netip.Addr) candidate {
	weights := s.weights.get(func() map[netip.Addr]uint64 {
		weights := make(map[netip.Addr]uint64, len(s.addresses))
		for _, in := range s.of {
			for _, a := range distinct(in.Addresses) {
				weights[a] += uint64(in.Weight)
			}
		}
		return weights
	})
	return candidate{weight: (*weights)[*a]}
}

// addressSets are the addresses of instances by family.
type addressSets struct{ v4, v6 addressSet }

func newAddressSets(instances []*catalog.Instance) *addressSets {
	sets := new(addressSets)
	sets.v4.setBase, sets.v6.setBase = new(setBase), new(setBase)
	sets.v4.of, sets.v6.of = instances, instances
	// Keys as small as they can be: most of the work is here.
	seen4 := make(map[uint32]struct{}, len(instances))
	seen6 := map[[16]byte]struct{}{}
	for _, in := range instances {
		for i := range in.Addresses {
			a := &in.Addresses[i]
			set := sets.of(addressType(*a))
			set.ttl.add(in)
			if !first(seen4, seen6, *a) {
				continue
			}
			if set.addresses == nil { // most instances have one address of a family
				set.addresses = make([]*netip.Addr, 0, len(instances))
			}
			set.addresses = append(set.addresses, a)
		}
	}
	sets.v4.addresses, sets.v6.addresses = shrunk(sets.v4.addresses), shrunk(sets.v6.addresses)
	return sets
}

// first reports whether an address is seen for the first time.
func first(seen4 map[uint32]struct{}, seen6 map[[16]byte]struct{}, a netip.Addr) bool {
	if a.Is4() {
		octets := a.As4()
		return firstOf(seen4, binary.BigEndian.Uint32(octets[:]))
	}
	return firstOf(seen6, a.As16())
}

// of returns the addresses that records of the type hold.
func (s *addressSets) of(rrtype uint16) *addressSet {
	if rrtype == dns.TypeA {
		return &s.v4
	}
	return &s.v6
}

func addressType(a netip.Addr) uint16 {
	if a.Is4() {
		return dns.TypeA
	}
	return dns.TypeAAAA
}

// distinct returns the addresses without those that have occurred before, since
// a record is once in a set (RFC 2181, 5). The lists are short.
func distinct(addrs []netip.Addr) []netip.Addr {
	if len(addrs) == 1 { // as most have
		return addrs
	}
	out := make([]netip.Addr, 0, len(addrs))
	for _, a := range addrs {
		if !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}
