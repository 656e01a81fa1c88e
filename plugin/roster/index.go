package roster

import (
	"hash/maphash"
	"math/rand/v2"
	"sync/atomic"

	"github.com/rosterdns/roster/plugin/roster/internal/wire"
)

const (
	// indexPages and pagePlaces are powers of two. Their product is how many questions a
	// block can find at once: a registry of 100,000 services, each asked for A and SRV,
	// takes a fifth of the places, so that few questions meet. All places take 8 MiB,
	// but there can be many blocks that are asked little: these take a page for each of the
	// first questions, 8 KiB.
	indexPages = 1 << 10
	pagePlaces = 1 << 10
	// indexWays is how many places a question can be at, side by side in memory. With two,
	// one question in fifty of that registry finds none, in place of one in ten.
	indexWays = 2
	// indexYields is in how many attempts, on average, one question takes the place of
	// another that is still of use: seldom, since that takes memory, and often enough for
	// those to stay that are asked most.
	indexYields = 64
	// indexClears is how many other places are looked at, whether what is there has gone, for
	// each question that gets a place. Names that are asked for and then gone for good leave
	// no more than about an eighth of all places taken.
	indexClears = 8
)

// index finds what is packed by questions as they are asked, without a look at what a
// name consists of or at the generation. What it finds is what is found without it, and
// no more once the service has another version. The zero value is ready, and safe for
// concurrent use.
type index struct {
	pages [indexPages]atomic.Pointer[indexPage] // each is made when it is needed first
}

type indexPage [pagePlaces]indexPlace

type indexPlace struct{ atomic.Pointer[indexed] }

// clear clears a place whose question is about a version of a service that has gone: what
// it is picked by can hold instances.
func (p *indexPlace) clear() {
	if known := p.Load(); known != nil && known.slot.retired.Load() {
		p.CompareAndSwap(known, nil)
	}
}

// indexed is what answers a question.
type indexed struct {
	question string // as wire.Query.AppendKey makes it
	slot     *packSlot
	picking
}

var indexSeed = maphash.MakeSeed()

// at returns where the page of a question is, if it is there, and the first of its places in
// that.
func (x *index) at(question []byte) (page *atomic.Pointer[indexPage], first uint64) {
	h := maphash.Bytes(indexSeed, question)
	return &x.pages[h%indexPages], h / indexPages % pagePlaces
}

// find returns what answers a question; nil if that is not known.
func (x *index) find(question []byte) (*wire.Packed, picking) {
	at, first := x.at(question)
	page := at.Load()
	if page == nil {
		return nil, picking{}
	}
	for way := range uint64(indexWays) {
		place := &page[first^way]
		known := place.Load()
		if known == nil || known.question != string(question) {
			continue
		}
		packed := known.slot.load()
		if packed == nil {
			place.clear()
		}
		return packed, known.picking
	}
	return nil, picking{}
}

// add notes what answers a question from now on, if there is a place for it.
func (x *index) add(question []byte, slot *packSlot, p picking) {
	at, first := x.at(question)
	if at.Load() == nil {
		at.CompareAndSwap(nil, new(indexPage))
	}
	page := at.Load()
	place := page.placeFor(question, first)
	if place == nil {
		if rand.Uint32()%indexYields != 0 {
			return
		}
		place = &page[first]
	}
	place.Store(&indexed{string(question), slot, p})
	for i := range uint64(indexClears) {
		page[(first+indexWays+i)%pagePlaces].clear()
	}
}

// placeFor returns the place that a question has, or one that is free: there is nothing, or
// what is there is not packed any more. It is nil where there is none.
func (page *indexPage) placeFor(question []byte, first uint64) (free *indexPlace) {
	for way := range uint64(indexWays) {
		place := &page[first^way]
		known := place.Load()
		switch {
		case known != nil && known.question == string(question):
			return place
		case free == nil && (known == nil || known.slot.packed.Load() == nil):
			free = place
		}
	}
	return free
}
