package roster

import (
	"bytes"
	"math/bits"
	"slices"

	"github.com/miekg/dns"
)

// order is the order in which records are answered.
type order interface {
	// next returns the index of the next one, from 0: each once, as often as it is
	// called.
	next() int
}

// sequence is the order of the registry, from the next index on.
type sequence int

func (s *sequence) next() int {
	*s++
	return int(*s) - 1
}

// shuffled returns a random order of n records, of which no more than most are asked
// for: every order is as likely, so that which record comes after which varies too.
// It is that of Fisher and Yates.
func shuffled(n, most int, random func() uint64) order {
	d := draws{random: random, span: 1 << 63}
	switch {
	case n <= 1:
		return new(sequence)
	case n <= fewRecords:
		return newFewShuffled(n, d)
	}
	return newManyShuffled(n, most, d)
}

// draws are random numbers, of which several come from one of 64 bits.
type draws struct {
	random func() uint64
	// bits are what is left of a random number, from which span numbers were drawn
	// that are as likely as each other.
	bits, span uint64
}

// below returns a random number below n: the product of bits and n has it above its
// middle, and what is left below. None is more likely than another by more than 1
// in 2^24.
func (d *draws) below(n uint32) uint32 {
	if d.span > 1<<40/uint64(n) {
		d.bits, d.span = d.random(), 1
	}
	drawn, left := bits.Mul64(d.bits, uint64(n))
	d.bits, d.span = left, d.span*uint64(n)
	return uint32(drawn)
}

// fewRecords are so few that all of them cost less than to know which were moved:
// about as many as a datagram holds.
const fewRecords = 64

// fewShuffled has the indexes that are left in the places from drawn on.
type fewShuffled struct {
	draws
	n, drawn uint32
	places   [fewRecords]uint8
}

func newFewShuffled(n int, d draws) *fewShuffled {
	s := &fewShuffled{draws: d, n: uint32(n)}
	for i := range n {
		s.places[i] = uint8(i)
	}
	return s
}

func (s *fewShuffled) next() int {
	at := s.drawn + s.below(s.n-s.drawn)
	picked := s.places[at]
	s.places[at] = s.places[s.drawn]
	s.drawn++
	return int(picked)
}

// manyShuffled makes only the part that is asked for: a service can have many more
// records than an answer.
type manyShuffled struct {
	draws
	n, drawn uint32
	// moved are the places that have another index than their own, in a hash table
	// whose size is a power of two.
	moved []place
	shift uint8 // 32 less the exponent
}

// place has an index of which the place itself, plus 1, is the key; 0 is none.
type place struct{ key, index uint32 }

func newManyShuffled(n, most int, d draws) *manyShuffled {
	exponent := bits.Len(uint(2 * min(n, most))) // at least a half stays free
	return &manyShuffled{draws: d, n: uint32(n), moved: make([]place, 1<<exponent), shift: uint8(32 - exponent)}
}

func (s *manyShuffled) next() int {
	at := s.drawn + s.below(s.n-s.drawn)
	first, picked := s.find(s.drawn), s.find(at)
	index := picked.indexOr(at)
	if at != s.drawn {
		*picked = place{at + 1, first.indexOr(s.drawn)}
	}
	s.drawn++
	return int(index)
}

// find returns where a place is in the table, or would be.
func (s *manyShuffled) find(at uint32) *place {
	const golden = 0x9e3779b9 // 2^32 by the golden ratio: neighbors come to lie far apart
	for i := at * golden >> s.shift; ; i = (i + 1) & uint32(len(s.moved)-1) {
		if p := &s.moved[i]; p.key == 0 || p.key == at+1 {
			return p
		}
	}
}

// indexOr returns the index that is in a place, which is its own if nothing was
// moved there.
func (p *place) indexOr(own uint32) uint32 {
	if p.key == 0 {
		return own
	}
	return p.index
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

// dataOf returns a record's data on the wire, without compression. Names in what
// this plugin answers are in lower case. What can't be packed is not sent either.
func dataOf(rr dns.RR) []byte {
	wire := make([]byte, dns.Len(rr))
	end, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		return nil
	}
	owner, err := dns.PackDomainName(rr.Header().Name, make([]byte, maxName+1), 0, nil, false)
	if err != nil {
		return nil
	}
	const fixed = 10 // type, class, TTL and length
	return wire[owner+fixed : end]
}
