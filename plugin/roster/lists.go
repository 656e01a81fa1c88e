package roster

import (
	"slices"
	"sort"
	"sync"
)

// fitting tells which elements of a list make names that are not too long. It is
// safe for concurrent use.
type fitting[T any] struct {
	// longest is the length of the longest label in octets.
	longest int
	// byLabel are the elements in ascending order of the length of labels. It is
	// made where some are too long for a zone.
	byLabel struct {
		sync.Once
		list []T
	}
}

// within returns the elements with a label of at most that many octets.
func (f *fitting[T]) within(list []T, octets int, labelLen func(T) int) []T {
	octets = max(octets, 0)
	if f.longest <= octets {
		return list
	}
	f.byLabel.Do(func() {
		f.byLabel.list = slices.SortedStableFunc(slices.Values(list), func(a, b T) int { return labelLen(a) - labelLen(b) })
	})
	sorted := f.byLabel.list
	return sorted[:sort.Search(len(sorted), func(i int) bool { return labelLen(sorted[i]) > octets })]
}

// shrunk returns a list that holds little more memory than it needs: sets are
// there for as long as their version of the service.
func shrunk[T any](list []T) []T {
	if cap(list) > len(list)+len(list)/4 {
		return slices.Clone(list)
	}
	return list
}

// firstOf adds a key to a set and reports whether it was not in it.
func firstOf[K comparable](seen map[K]struct{}, key K) bool {
	n := len(seen)
	seen[key] = struct{}{}
	return len(seen) > n
}
