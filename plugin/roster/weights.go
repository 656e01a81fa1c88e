package roster

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
