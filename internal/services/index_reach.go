package services

import (
	"net/netip"
	"slices"

	"github.com/tidwall/btree"
)

// reachIndex has in order the addresses that instances have. Edits wait in it until
// there are so many that they share most of the paths that they copy. Generations
// share what it has. It is immutable.
type reachIndex struct {
	// tree is nil where there are no items. Only a writer may copy it, which
	// touches the original too.
	tree *btree.BTreeG[reachItem]
	// waiting are edits that are not in the tree. The next generation appends to
	// them.
	waiting []reachItem
}

// reachItem is an address.
type reachItem struct {
	netip.Addr
	// count is how many instances have it; in an edit how many more.
	count int
}

// maxReachWaiting bounds the edits that a look-up goes through: in a microsecond.
const maxReachWaiting = 512

func (i reachItem) compare(other reachItem) int { return i.Compare(other.Addr) }

// with returns an index in which the edits are made.
func (x reachIndex) with(edits []reachItem) reachIndex {
	if len(edits) == 0 {
		return x
	}
	next := reachIndex{x.tree, append(x.waiting, edits...)}
	if len(next.waiting) <= maxReachWaiting {
		return next
	}
	return reachIndex{tree: next.merge()}
}

// fork returns the same index for generations that take another course: each appends to
// its own edits.
func (x reachIndex) fork() reachIndex {
	x.waiting = slices.Clip(x.waiting)
	return x
}

// merge returns the tree with the edits that wait.
func (x reachIndex) merge() *btree.BTreeG[reachItem] {
	next := x.tree
	if next == nil {
		less := func(a, b reachItem) bool { return a.compare(b) < 0 }
		next = btree.NewBTreeGOptions(less, btree.Options{NoLocks: true, Degree: indexDegree})
	} else {
		next = next.Copy()
	}
	var hint btree.PathHint
	for _, i := range sumReach(slices.Clone(x.waiting)) { // which generations before have, too
		if have, ok := next.GetHint(i, &hint); ok {
			i.count += have.count
		}
		if i.count == 0 {
			next.DeleteHint(i, &hint)
		} else {
			next.SetHint(i, &hint)
		}
	}
	return next
}

// sumReach returns edits in order, each address once. It changes the list.
func sumReach(edits []reachItem) []reachItem {
	slices.SortFunc(edits, reachItem.compare)
	sums := edits[:0]
	for _, i := range edits {
		if last := len(sums) - 1; last >= 0 && sums[last].Addr == i.Addr {
			sums[last].count += i.count
		} else {
			sums = append(sums, i)
		}
	}
	return sums
}

// AddressFrom returns the lowest address of an instance, whatever its status, that is
// not below another one of the same family, and whether there is one.
func (g *Generation) AddressFrom(least netip.Addr) (netip.Addr, bool) {
	x := &g.indexes.reach
	from := func(i reachItem) bool { return i.BitLen() == least.BitLen() && i.Compare(least) >= 0 }
	waiting := slices.Clone(x.waiting)
	waiting = sumReach(slices.DeleteFunc(waiting, func(i reachItem) bool { return !from(i) }))
	var lowest reachItem
	if x.tree != nil {
		x.tree.Ascend(reachItem{Addr: least}, func(i reachItem) bool {
			if !from(i) {
				return false
			}
			if at, edited := slices.BinarySearchFunc(waiting, i, reachItem.compare); edited && i.count+waiting[at].count == 0 {
				return true
			}
			lowest = i
			return false
		})
	}
	for _, i := range waiting {
		if i.count > 0 && (!lowest.IsValid() || i.compare(lowest) < 0) {
			lowest = i
			break
		}
	}
	return lowest.Addr, lowest.IsValid()
}
