package services

import (
	"cmp"
	"encoding/binary"
	"hash/maphash"
	"iter"
	"net/netip"
	"slices"

	"github.com/tidwall/btree"

	"github.com/rosterdns/roster/catalog"
)

// addressIndex leads from addresses to where instances with them are, or were a
// while ago: readers look whether they are there. That lets edits wait for others,
// so that one costs a fraction of a copied path. Items are small: the upper half of
// a key is of the address, the lower one of the instance. An IPv4 address is the
// upper half itself; others share one with few. Generations share what it has. It is
// immutable.
type addressIndex struct {
	// maintained says that there is an index; see Store.IndexAddresses.
	maintained bool
	// tree is nil where there are no items. Only a writer may copy it, which
	// touches the original too.
	tree *btree.Map[uint64, *location]
	// waiting are edits that are not in the tree. The next generation appends to
	// them.
	waiting []addressEdit
}

// maxWaiting is how many edits wait: so many that they share most of a path, so few
// that a look-up goes through them in a microsecond.
const maxWaiting = 512

// location says where an instance is, or was.
type location struct {
	service *catalog.ServiceName
	id      string
	next    *location // with the same key, or nil
}

// addressEdit adds a location, or removes one.
type addressEdit struct {
	key     uint64
	service *catalog.ServiceName
	id      string
	remove  bool
}

// addressSeed makes it impossible to choose IDs for having the same key.
var addressSeed = maphash.MakeSeed()

// firstKey returns the lowest key of an address. Of an IPv4 address, and of one that
// is mapped to IPv6, which no instance has, it is the same.
func firstKey(a netip.Addr) uint64 {
	b := a.As16()
	if a = a.Unmap(); a.Is4() {
		return uint64(binary.BigEndian.Uint32(b[12:])) << 32
	}
	return maphash.Bytes(addressSeed, b[:]) &^ lowerHalf
}

const lowerHalf = 1<<32 - 1

func newAddressEdit(a netip.Addr, service *catalog.ServiceName, id string, remove bool) addressEdit {
	of := struct{ namespace, name, id string }{service.Namespace, service.Name, id}
	return addressEdit{firstKey(a) | maphash.Comparable(addressSeed, of)&lowerHalf, service, id, remove}
}

// with returns an index in which the edits are made.
func (x addressIndex) with(edits []addressEdit) addressIndex {
	if len(edits) == 0 {
		return x
	}
	next := addressIndex{true, x.tree, x.waiting}
	if next.waiting == nil && len(edits) < maxWaiting {
		next.waiting = make([]addressEdit, 0, maxWaiting)
	}
	next.waiting = append(next.waiting, edits...)
	if len(next.waiting) < maxWaiting {
		return next
	}
	return addressIndex{maintained: true, tree: next.merge()}
}

// fork returns the same index for generations that take another course: each appends to
// its own edits.
func (x addressIndex) fork() addressIndex {
	x.waiting = slices.Clip(x.waiting)
	return x
}

// merge returns the tree with the edits that wait, those of the same key in their
// order.
func (x addressIndex) merge() *btree.Map[uint64, *location] {
	next := btree.NewMap[uint64, *location](indexDegree)
	if x.tree != nil {
		next = x.tree.Copy()
	}
	edits := slices.Clone(x.waiting) // which generations before have, too
	slices.SortStableFunc(edits, func(a, b addressEdit) int { return cmp.Compare(a.key, b.key) })
	for i := range edits {
		e := &edits[i]
		have, _ := next.Get(e.key)
		have = have.without(e)
		if !e.remove {
			have = &location{e.service, e.id, have}
		}
		if have == nil {
			next.Delete(e.key)
		} else {
			next.Set(e.key, have)
		}
	}
	return next
}

// locations yields where instances with an address may be, each once.
func (x addressIndex) locations(a netip.Addr) iter.Seq2[*catalog.ServiceName, string] {
	return func(yield func(*catalog.ServiceName, string) bool) {
		first := firstKey(a)
		var added map[string]bool // by "namespace/service/id"
		for i := range x.waiting {
			e := &x.waiting[i]
			if e.remove || e.key&^lowerHalf != first {
				continue
			}
			at := e.service.String() + "/" + e.id
			if added[at] {
				continue
			}
			if added == nil {
				added = map[string]bool{}
			}
			added[at] = true
			if !yield(e.service, e.id) {
				return
			}
		}
		if x.tree == nil {
			return
		}
		x.tree.Ascend(first, func(key uint64, l *location) bool {
			if key&^lowerHalf != first {
				return false
			}
			for ; l != nil; l = l.next {
				if added != nil && added[l.service.String()+"/"+l.id] {
					continue
				}
				if !yield(l.service, l.id) {
					return false
				}
			}
			return true
		})
	}
}

// without returns the locations of a key but for that of an edit.
func (l *location) without(e *addressEdit) *location {
	switch {
	case l == nil:
		return nil
	case l.id == e.id && *l.service == *e.service:
		return l.next
	}
	return &location{l.service, l.id, l.next.without(e)}
}
