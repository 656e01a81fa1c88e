package roster

import "slices"

// pickedTree has the records that a sample consists of so far: a binary search tree by
// their places among all. Records are picked by weight, so that a long way down needs
// weights that double from one place to the next, again and again, which the range of
// weights bounds: ways are about as long as the logarithm of the number of records.
type pickedTree struct {
	nodes []pickedRecord // has room for all, so that none moves
	root  *pickedRecord
}

type pickedRecord struct {
	at          int
	weight      uint64
	before      uint64 // the weights below left
	left, right *pickedRecord
}

// reset begins another sample, of so many records at most.
func (t *pickedTree) reset(most int) { t.nodes, t.root = slices.Grow(t.nodes[:0], most), nil }

// skip returns the point on the weights of all that is the given one on the weights of
// those that are not picked yet: it skips those picked that lie before.
func (t *pickedTree) skip(point uint64, of weights) uint64 {
	for r := t.root; r != nil; {
		if point+r.before < of.before(r.at) {
			r = r.left
		} else {
			point += r.before + r.weight
			r = r.right
		}
	}
	return point
}

// add adds the record at a place that has none yet.
func (t *pickedTree) add(at int, weight uint64) {
	link := &t.root
	for *link != nil {
		if r := *link; at < r.at {
			r.before += weight
			link = &r.left
		} else {
			link = &r.right
		}
	}
	t.nodes = append(t.nodes, pickedRecord{at: at, weight: weight})
	*link = &t.nodes[len(t.nodes)-1]
}
