package services

import (
	"iter"
	"slices"

	"github.com/tidwall/btree"
)

// index is an ordered set of items, of which generations share nodes. The zero
// value is empty. It is immutable.
type index[T item[T]] struct {
	// tree is nil where there are no items. Only a writer may copy it, which
	// touches the original too.
	tree *btree.BTreeG[T]
}

// item is what an index has: of items that compare as equal one.
type item[T any] interface {
	compare(other T) int
}

// indexEdit adds an item to an index, in place of an equal one, or removes one.
type indexEdit[T item[T]] struct {
	item   T
	remove bool
}

// indexDegree makes nodes of at most 15 items: each commit copies those on the way
// to what it changes.
const indexDegree = 8

// with returns an index in which the edits are made, those of equal items in their
// order. It sorts them: it costs less to touch neighbours one after the other.
func (x index[T]) with(edits []indexEdit[T]) index[T] {
	if len(edits) == 0 {
		return x
	}
	next := x.tree
	if next == nil {
		less := func(a, b T) bool { return a.compare(b) < 0 }
		next = btree.NewBTreeGOptions(less, btree.Options{NoLocks: true, Degree: indexDegree})
	} else {
		next = next.Copy()
	}
	slices.SortStableFunc(edits, func(a, b indexEdit[T]) int { return a.item.compare(b.item) })
	var hint btree.PathHint
	for i := range edits {
		switch {
		case edits[i].remove:
			next.DeleteHint(edits[i].item, &hint)
		case x.tree == nil:
			next.Load(edits[i].item) // appends what comes in order
		default:
			next.SetHint(edits[i].item, &hint)
		}
	}
	if next.Len() == 0 {
		next = nil
	}
	return index[T]{next}
}

// get returns the item that is equal to another.
func (x index[T]) get(other T) (found T, ok bool) {
	if x.tree == nil {
		return found, false
	}
	return x.tree.Get(other)
}

// from yields the items that are not less than one, in ascending order.
func (x index[T]) from(least T) iter.Seq[T] {
	return func(yield func(T) bool) {
		if x.tree != nil {
			x.tree.Ascend(least, yield)
		}
	}
}
