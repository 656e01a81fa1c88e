package roster

import (
	"container/list"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"weak"

	"github.com/rosterdns/roster/plugin/roster/internal/wire"
)

const (
	// maxPacked is how many octets all packed record sets of the process take: those
	// of a million instances in services of ten, asked for by A and SRV, take about as
	// many. What is asked for beyond is packed again, or answered from messages.
	maxPacked = 128 << 20
	// maxShare is the part of maxPacked that one record set can take, so that large
	// services leave room for others.
	maxShare = 16
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
type packs struct {
	mu    sync.Mutex
	slots atomic.Pointer[[]*packSlot]
}

// packSlot is where one packed form is, if it is there.
type packSlot struct {
	key    packKey
	packed atomic.Pointer[wire.Packed]
	// used says that it was asked for since that was looked at last.
	used atomic.Bool
	// missed counts the questions that it wasn't there for.
	missed atomic.Uint32
	// packing says that it is packed just now: a large set takes longer than it is until the
	// next question, which would pack it, too.
	packing atomic.Bool
	// refused says that it can't be packed, or is too large.
	refused atomic.Bool
	// retired says that the service has another version.
	retired atomic.Bool
	// listed says that it is among those that are told so.
	listed atomic.Bool
}

// slot returns the place of a packed form.
func (p *packs) slot(key *packKey) *packSlot {
	if s := p.find(key); s != nil {
		return s
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.find(key); s != nil {
		return s
	}
	slots := []*packSlot{{key: *key}}
	if old := p.slots.Load(); old != nil {
		slots = append(slots, *old...)
	}
	p.slots.Store(&slots)
	return slots[0]
}

func (p *packs) find(key *packKey) *packSlot {
	slots := p.slots.Load()
	if slots == nil {
		return nil
	}
	i := slices.IndexFunc(*slots, func(s *packSlot) bool { return s.key == *key })
	if i < 0 {
		return nil
	}
	return (*slots)[i]
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

// packCache bounds the memory of packed record sets. It holds none of them: those
// whose service has changed go with it. It is safe for concurrent use.
type packCache struct {
	limit int
	mu    sync.Mutex
	size  int
	// queue are the held, in the order in which they are next to go.
	queue list.List
}

// held is a packed form that is counted.
type held struct {
	slot weak.Pointer[packSlot]
	size int
}

func newPackCache(limit int) *packCache { return &packCache{limit: limit} }

// pack returns what build makes for a slot that has no packed form; nil while another
// question has it made, or if there is none.
func (c *packCache) pack(s *packSlot, build func() *wire.Packed) *wire.Packed {
	if !s.packing.CompareAndSwap(false, true) {
		return nil
	}
	defer s.packing.Store(false)
	p := s.load() // of who was faster
	if p == nil {
		p = build()
		s.refused.Store(!c.store(s, p))
	}
	return p
}

// store puts a packed form in its slot, unless that has one, and reports false if there
// is none or it is too large. Others have to go that were not asked for of late.
func (c *packCache) store(s *packSlot, p *wire.Packed) bool {
	if p == nil || p.Size() > c.limit/maxShare {
		return false
	}
	if !s.packed.CompareAndSwap(nil, p) {
		return true
	}
	size := p.Size()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.size += size
	e := c.queue.PushBack(&held{weak.Make(s), size})
	runtime.AddCleanup(p, c.forget, e) // which goes with its slot, or after evict
	for c.size > c.limit {
		c.evict()
	}
	return true
}

// evict drops the first in the queue. Some that were asked for are given another turn.
func (c *packCache) evict() {
	const turns = 8 // bounds how long a question waits
	for range turns {
		e := c.queue.Front()
		s := e.Value.(*held).slot.Value()
		if s == nil || !s.used.Swap(false) {
			break
		}
		c.queue.MoveToBack(e)
	}
	e := c.queue.Front()
	if s := e.Value.(*held).slot.Value(); s != nil {
		s.packed.Store(nil)
	}
	c.remove(e)
}

// remove takes an element out of the queue, if it is there.
func (c *packCache) remove(e *list.Element) {
	if h, ok := e.Value.(*held); ok {
		e.Value = nil
		c.size -= h.size
		c.queue.Remove(e)
	}
}

// forget is called when a packed form is gone.
func (c *packCache) forget(e *list.Element) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.remove(e)
}
