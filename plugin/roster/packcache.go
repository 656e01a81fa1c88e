package roster

import (
	"sync"
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
	// sweptEach is how many packed forms are looked at, whether they have gone, for each
	// that is stored. If each that is stored takes the place of one that has gone, then no
	// more than a quarter of those counted have gone.
	sweptEach = 4
)

// packCache bounds the memory of packed record sets. It holds none of them: those
// whose service has changed go with it. It is safe for concurrent use.
type packCache struct {
	limit int
	mu    sync.Mutex
	size  int // of all that is counted
	// forms are those that are packed, and some that have gone since. It is a clock: hand
	// is the one that is next to go unless it was asked for.
	forms []cachedForm
	hand  int
	swept int // the one that is looked at next, whether it has gone
}

// cachedForm is a packed form that is counted.
type cachedForm struct {
	slot weak.Pointer[packSlot]
	size int
}

// there returns the place of the packed form; nil if that has gone.
func (f *cachedForm) there() *packSlot {
	if s := f.slot.Value(); s != nil && s.packed.Load() != nil {
		return s
	}
	return nil
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
	if s.retired.Load() { // meanwhile: retire can have been before p
		s.packed.Store(nil)
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sweep()
	c.size += p.Size()
	for c.size > c.limit && len(c.forms) > 0 {
		c.evict()
	}
	c.forms = append(c.forms, cachedForm{weak.Make(s), p.Size()})
	return true
}

// sweep looks at the next few, and takes out those that have gone. It never looks at all
// at once, since questions wait for it.
func (c *packCache) sweep() {
	for range min(sweptEach, len(c.forms)) {
		if c.swept >= len(c.forms) {
			c.swept = 0
		}
		if c.forms[c.swept].there() == nil {
			c.remove(c.swept)
		} else {
			c.swept++
		}
	}
}

// evict drops the one at the hand. Some that were asked for are given another turn.
func (c *packCache) evict() {
	const turns = 8 // bounds how long a question waits
	for turn := 0; ; turn++ {
		c.hand %= len(c.forms)
		s := c.forms[c.hand].there()
		if s != nil && turn < turns && s.used.Swap(false) {
			c.hand++
			continue
		}
		if s != nil {
			s.packed.Store(nil)
		}
		c.remove(c.hand)
		c.hand++ // past the one that has taken the place, which is among the last that came
		return
	}
}

// remove takes one out; the last takes its place.
func (c *packCache) remove(i int) {
	last := len(c.forms) - 1
	c.size -= c.forms[i].size
	c.forms[i] = c.forms[last]
	c.forms[last] = cachedForm{}
	c.forms = c.forms[:last]
}
