package roster

import "slices"

// weights are those of records of which some are picked, in places by ascending priority
// values.
type weights interface {
	// before returns the weights of all records before a place.
	before(place int) uint64
	// find returns the place, from start on and before end, that a point on the weights of
	// all records is at.
	find(point uint64, start, end int) int
	// index returns the index of the record at a place.
	index(place int) uint32
	// priorities returns the places at which a priority value ends.
	priorities() []int
}

// drawn are the records that a sample has so far: a binary search tree by their places
// among all. Records are drawn by weight, so that a long way down needs weights that
// double from one place to the next, again and again, which the range of weights
// bounds: ways are about as long as the logarithm of the number of records.
type drawn struct {
	nodes []drawnRecord // has room for all, so that none moves
	root  *drawnRecord
}

type drawnRecord struct {
	at          int
	weight      uint64
	before      uint64 // the weights below left
	left, right *drawnRecord
}

// reset begins another sample, of so many records at most.
func (d *drawn) reset(most int) { d.nodes, d.root = slices.Grow(d.nodes[:0], most), nil }

// skip returns the point on the weights of all that is the given one on the weights of
// those that are left: it skips those drawn that lie before.
func (d *drawn) skip(point uint64, of weights) uint64 {
	for r := d.root; r != nil; {
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
func (d *drawn) add(at int, weight uint64) {
	link := &d.root
	for *link != nil {
		if r := *link; at < r.at {
			r.before += weight
			link = &r.left
		} else {
			link = &r.right
		}
	}
	d.nodes = append(d.nodes, drawnRecord{at: at, weight: weight})
	*link = &d.nodes[len(d.nodes)-1]
}
