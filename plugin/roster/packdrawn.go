package roster

import (
	"math/rand/v2"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/plugin/roster/internal/wire"
)

// drawnSet are some records of a set.
type drawnSet struct {
	recordSet
	places []int
}

func (s *drawnSet) count() int          { return len(s.places) }
func (s *drawnSet) record(i int) dns.RR { return s.recordSet.record(s.places[i]) }

func (s *drawnSet) appendGlue(glue []dns.RR, i int, target string) []dns.RR {
	return s.recordSet.appendGlue(glue, s.places[i], target)
}

// packDrawn packs records that answer a hot question, in their order: no more than an
// answer of that size in octets has room for, and one. It returns nil where some are
// left out. A set that is not asked for often enough to be packed as a whole is answered
// so.
func (q serviceQuestion) packDrawn(size int) *wire.Packed {
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
	drawn := drawnSet{recordSet: a.records}
	for range a.count() {
		i := in.next()
		drawn.places = append(drawn.places, i)
		if size -= a.records.size(i); size < 0 {
			break
		}
	}
	return pack(&drawn)
}
