package roster

import (
	"math/rand/v2"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/plugin/roster/internal/wire"
)

// partialSet is a part of a record set: the records at some places.
type partialSet struct {
	recordSet
	places []int
}

func (s *partialSet) count() int          { return len(s.places) }
func (s *partialSet) record(i int) dns.RR { return s.recordSet.record(s.places[i]) }

func (s *partialSet) appendGlue(glue []dns.RR, i int, target string) []dns.RR {
	return s.recordSet.appendGlue(glue, s.places[i], target)
}

// packPartial packs the part of a record set that answers one hot question, in the order
// of the answer: as many records as an answer of that size in octets has room for, and one
// more. It is for large sets that are not asked for often enough to be packed as a whole.
// It returns nil where there are no records, or some have names that are too long.
func (q serviceQuestion) packPartial(size int) *wire.Packed {
	q.limit.room = size/fixedSize + 1 // one more than fit shows that some are missing
	a := q.resolveService()
	if a.omitted > 0 || a.count() == 0 {
		return nil
	}
	var in order
	if !a.ordered {
		var memory [orderMemory]uint32
		in = shuffled(a.count(), q.limit.room, false, memory[:], rand.Uint64())
	}
	part := partialSet{recordSet: a.records}
	for range a.count() {
		i := in.next()
		part.places = append(part.places, i)
		if size -= a.records.size(i); size < 0 {
			break
		}
	}
	return pack(&part)
}
