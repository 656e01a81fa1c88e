package roster

import (
	"sync"
	"sync/atomic"

	"github.com/rosterdns/roster/plugin/roster/internal/wire"
)

const (
	// packedAtOnce is how many records a set has at most that is packed when it is first
	// asked for: an answer has about as many.
	packedAtOnce = 64
	// packedAfter says when a larger set is packed: a set of n records after n/packedAfter
	// questions that were answered without. To answer one without takes longer, by about as
	// much as packing packedAfter records takes. By the time the set is packed its questions
	// have thus cost as much more as packing it costs. So a set that changes all the time
	// costs at most twice what it has to, however often it is asked for.
	packedAfter = 8
)

// packKey says what a record set in wire form depends on besides the instances.
type packKey struct {
	zone   string // of targets; "" where there are none
	rrtype uint16
	ttl    uint32
	glue   ttls // of targets
}

// setBase is the part that record sets of all types have in common. A version of a service
// remembers it longer than the view with the rest of the set. So it has no pointers to
// instances, which would keep them in memory, but for a large service, whose view lasts as
// long as the version.
type setBase struct {
	ttl     ownTTLs
	count   atomic.Int64 // of records; set before it is asked for
	pickers pickers
	packs   packs
	// large are the weights of the records of a large service, in place of pickers.
	large weights // or nil
}

// picker returns what some of n records are picked by, or nil if that is not made yet.
func (s *setBase) picker(n int) weights {
	if s.large != nil {
		return s.large
	}
	if p := s.pickers.of(n); p != nil {
		return p
	}
	return nil
}

// packs are the packed forms of a record set: there is one for each block that is
// asked, or few. They go with the set, and so with the version of the service. The zero
// value is ready, and safe for concurrent use.
type packs struct{ first atomic.Pointer[packSlot] }

// packSlot is where one packed form is, if it is there.
type packSlot struct {
	key    packKey
	next   *packSlot // of the same set
	packed atomic.Pointer[wire.Packed]
	// used is set by each question, and cleared when the cache looks for what can go.
	used atomic.Bool
	// missed counts the questions that found nothing packed.
	missed atomic.Uint32
	// packing says that it is packed just now: a large set takes longer than it is until the
	// next question, which would pack it, too.
	packing atomic.Bool
	// refused says that it can't be packed, or is too large.
	refused atomic.Bool
	// retired says that the service has another version.
	retired atomic.Bool
	// listed says that it is in the packSlots of the version, which set retired.
	listed atomic.Bool
}

// slot returns the place of a packed form.
func (p *packs) slot(key *packKey) *packSlot {
	for {
		first := p.first.Load()
		for s := first; s != nil; s = s.next {
			if s.key == *key {
				return s
			}
		}
		if s := (&packSlot{key: *key, next: first}); p.first.CompareAndSwap(first, s) {
			return s
		}
	}
}

// packSlots are the places of packed forms that are found without the version of the
// service. The zero value is ready, and safe for concurrent use.
type packSlots struct {
	mu      sync.Mutex
	retired bool
	all     []*packSlot
}

// add adds a place, if it isn't there.
func (s *packSlots) add(slot *packSlot) {
	if slot.listed.Load() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if slot.listed.Load() {
		return
	}
	s.all = append(s.all, slot)
	slot.retired.Store(s.retired)
	slot.listed.Store(true)
}

// retire has nothing served from these places any more, whoever still has one.
func (s *packSlots) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
	for _, slot := range s.all {
		slot.retired.Store(true)
		slot.packed.Store(nil)
	}
}

// load returns the packed form, or nil.
func (s *packSlot) load() *wire.Packed {
	p := s.packed.Load()
	if p == nil || s.retired.Load() {
		return nil
	}
	if !s.used.Load() { // which others read meanwhile
		s.used.Store(true)
	}
	return p
}

// due reports whether a set of n records is asked for often enough to be packed.
func (s *packSlot) due(n int) bool {
	return !s.refused.Load() && !s.retired.Load() && (n <= packedAtOnce || uint64(s.missed.Add(1))*packedAfter >= uint64(n))
}
