package roster

import (
	"hash/maphash"
	"math/rand/v2"
	"sync/atomic"

	"github.com/rosterdns/roster/plugin/roster/internal/wire"
)

const (
	// indexPlaces is how many questions a block finds at once: those of tens of thousands
	// of services. It is a power of two. The places take half a MiB.
	indexPlaces = 1 << 16
	// indexYields is in how many attempts, on average, one question takes the place of
	// another that is still of use: seldom, since that takes memory, and often enough for
	// those to stay that are asked most.
	indexYields = 64
)

// index finds what is packed by questions as they are asked, without a look at what a
// name consists of or at the generation. What it finds is what is found without it, and
// no more once the service has another version. The zero value is ready, and safe for
// concurrent use.
type index struct {
	places atomic.Pointer[[indexPlaces]atomic.Pointer[indexed]]
}

// indexed is what answers a question.
type indexed struct {
	question string // as appendKey makes it
	slot     *packSlot
	picking
}

var indexSeed = maphash.MakeSeed()

// place returns where a question is, if it is there; nil where nothing is.
func (x *index) place(question []byte) *atomic.Pointer[indexed] {
	places := x.places.Load()
	if places == nil {
		return nil
	}
	return &places[maphash.Bytes(indexSeed, question)%indexPlaces]
}

// find returns what answers a question; nil if that is not known.
func (x *index) find(question []byte) (*wire.Packed, picking) {
	place := x.place(question)
	if place == nil {
		return nil, picking{}
	}
	known := place.Load()
	if known == nil || known.question != string(question) {
		return nil, picking{}
	}
	return known.slot.load(), known.picking
}

// add notes what answers a question from now on, if there is a place for it.
func (x *index) add(question []byte, slot *packSlot, p picking) {
	if x.places.Load() == nil {
		x.places.CompareAndSwap(nil, new([indexPlaces]atomic.Pointer[indexed]))
	}
	place := x.place(question)
	old := place.Load()
	if old != nil && old.slot.packed.Load() != nil && old.question != string(question) && rand.Uint32()%indexYields != 0 {
		return
	}
	place.Store(&indexed{string(question), slot, p})
}
