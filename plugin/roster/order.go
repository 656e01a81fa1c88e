package roster

import (
	"bytes"
	"math/bits"
	"math/rand/v2"
	"slices"

	"github.com/miekg/dns"
)

// order is the order in which records are answered. The zero value is that of the
// registry.
type order struct {
	n        uint32 // how many records there are
	returned uint32 // how many of them next has returned
	rng      rand.PCG
	// places have the indexes that are left from returned on, where a good part of all is
	// asked for.
	places []uint32
	// taken is a hash table, where few of many are asked for: of the indexes returned so far,
	// plus 1. Its size is a power of two.
	taken []uint32
}

// orderMemory is how many indexes a shuffled order has room for without memory of its
// own: twice as many as there are records in a datagram of 1,232 octets.
const orderMemory = 256

// roomToShuffle returns for how many indexes memory suffices for a shuffled order of
// which no more than most are asked for, of however many records.
func roomToShuffle(most int) int { return 4 * most }

// shuffled returns a random order of n records, of which no more than most are asked
// for: every order is as likely, so that which record comes after which varies too. Of
// many more records, all that are asked for can be neighbours, from a random one on.
// memory is used if it suffices.
func shuffled(n, most int, neighbours bool, memory []uint32, seed uint64) order {
	o := order{n: uint32(n)}
	o.rng.Seed(seed, 0)
	switch {
	case n <= 2*most:
		o.places = stretch(memory, n, 0, o.n)
		return o
	case neighbours:
		o.places = stretch(memory, most, o.below(o.n), o.n)
		return o
	}
	size := 1 << bits.Len(uint(2*most)) // more than half of it stays free
	if size > len(memory) {
		memory = make([]uint32, size)
	}
	o.taken = memory[:size]
	clear(o.taken)
	return o
}

// stretch returns the indexes of as many of n records from the first one on; after the
// last index comes 0. It is in memory if that suffices.
func stretch(memory []uint32, count int, first, n uint32) []uint32 {
	places := slices.Grow(memory[:0], count)[:count]
	for i := range places {
		places[i] = (first + uint32(i)) % n
	}
	return places
}

// next returns the index of the next record, from 0: each once, as often as it is
// called.
func (o *order) next() int {
	switch {
	case o.places != nil:
		return o.swap()
	case o.taken != nil:
		return o.probe()
	}
	o.returned++
	return int(o.returned) - 1
}

// swap takes one of the indexes that are left, as in the shuffle of Fisher and Yates.
func (o *order) swap() int {
	at := o.returned + o.below(uint32(len(o.places))-o.returned)
	picked := o.places[at]
	o.places[at] = o.places[o.returned]
	o.returned++
	return int(picked)
}

// probe takes one of all until it is one that wasn't taken. Less than half of them are,
// so that this is soon.
func (o *order) probe() int {
	for {
		index := o.below(o.n)
		if o.take(index + 1) {
			return int(index)
		}
	}
}

// take adds a key to those taken and reports whether it was not among them. Keys are
// random, and so their own hashes.
func (o *order) take(key uint32) bool {
	mask := uint32(len(o.taken) - 1)
	for i := key & mask; ; i = (i + 1) & mask {
		switch o.taken[i] {
		case 0:
			o.taken[i] = key
			return true
		case key:
			return false
		}
	}
}

// below returns a random number below n. None is more likely than another by more
// than 1 in 2^32.
func (o *order) below(n uint32) uint32 {
	product, _ := bits.Mul64(o.rng.Uint64(), uint64(n))
	return uint32(product)
}

// canonical sorts the sets in a section, each of which is in one piece, by their
// records' data in the form in which it is signed (RFC 4034, 6.3).
func canonical(section []dns.RR) {
	for len(section) > 0 {
		n := 1
		for n < len(section) && sameSet(section[0], section[n]) {
			n++
		}
		if n > 1 {
			sortByData(section[:n])
		}
		section = section[n:]
	}
}

func sameSet(a, b dns.RR) bool {
	return a.Header().Rrtype == b.Header().Rrtype && a.Header().Name == b.Header().Name
}

func sortByData(set []dns.RR) {
	type sortable struct {
		rr   dns.RR
		data []byte
	}
	records := make([]sortable, len(set))
	for i, rr := range set {
		records[i] = sortable{rr, dataOf(rr)}
	}
	slices.SortStableFunc(records, func(a, b sortable) int { return bytes.Compare(a.data, b.data) })
	for i := range records {
		set[i] = records[i].rr
	}
}
