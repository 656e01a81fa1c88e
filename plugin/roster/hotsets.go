package roster

import (
	"slices"
	"sync/atomic"
)

// maxHotSets is how many record sets are found without the view of a service: those of
// five types, and of a few ports. They are searched one after the other.
const maxHotSets = 16

// hotSets are the record sets that were asked for of a version of a service, so that what
// is packed of them is found without its view. The zero value is ready, and safe for
// concurrent use.
type hotSets struct {
	all atomic.Pointer[[]rememberedSet]
}

// hotKey says what is asked of a service as a whole.
type hotKey struct {
	qtype uint16
	port  portKey // the zero value where it is none
}

type rememberedSet struct {
	hotKey
	*setBase
}

// find returns a set, or nil.
func (h *hotSets) find(key hotKey) *setBase {
	if all := h.all.Load(); all != nil {
		for i := range *all {
			if (*all)[i].hotKey == key {
				return (*all)[i].setBase
			}
		}
	}
	return nil
}

// add remembers a set, unless there is one, and returns the one that is found from now on.
// It returns the set itself and false if there is no room for it.
func (h *hotSets) add(key hotKey, set *setBase) (found *setBase, remembered bool) {
	for {
		old := h.all.Load()
		var all []rememberedSet
		if old != nil {
			all = *old
		}
		if found = h.find(key); found != nil {
			return found, true
		}
		if len(all) == maxHotSets {
			return set, false
		}
		next := append(slices.Clip(all), rememberedSet{hotKey{key.qtype, key.port.clone()}, set})
		if h.all.CompareAndSwap(old, &next) {
			return set, true
		}
	}
}
