package roster

import (
	"bytes"
	"slices"

	"github.com/miekg/dns"
)

// order returns the index of the record that is answered next, from 0; each index
// once, as often as it is called.
type order func() int

// inSequence is the order of the registry.
func inSequence() order {
	next := -1
	return func() int {
		next++
		return next
	}
}

// shuffled is a random order of n records: every one of the n! is as likely, so
// that which record comes after which varies too. It is that of Fisher and Yates,
// of which only the part is made that is asked for: moved holds what is not at its
// own place. intN returns a random number from 0 to below its argument.
func shuffled(n int, intN func(n int) int) order {
	if n <= fewRecords {
		return shuffledFew(n, intN)
	}
	return shuffledMany(n, intN)
}

func shuffledMany(n int, intN func(n int) int) order {
	moved := make(map[int]int, fewRecords)
	at := func(i int) int {
		if m, ok := moved[i]; ok {
			return m
		}
		return i
	}
	next := -1
	return func() int {
		next++
		j := next + intN(n-next)
		picked := at(j)
		moved[j] = at(next)
		return picked
	}
}

// fewRecords are so few that all of them cost less than to know which were moved:
// about as many as a datagram holds.
const fewRecords = 64

func shuffledFew(n int, intN func(n int) int) order {
	var rest [fewRecords]uint8
	for i := range rest {
		rest[i] = uint8(i)
	}
	next := -1
	return func() int {
		next++
		j := next + intN(n-next)
		picked := rest[j]
		rest[j] = rest[next]
		return int(picked)
	}
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
