package services

import "math"

// serial is the SOA serial of a generation before it is cut to 32 bits. Equal
// servers that saw the same changes show the same one, since it follows etcd's
// revision; it leaves the revision only where that would let it stand still or
// move backward.
type serial struct {
	value   int64
	offset  int64 // of value from the revision
	changed bool  // something changed since value last rose
}

// maxStep is the largest step that counts as forward (RFC 1982, 3.1).
const maxStep = math.MaxInt32

// advance moves the serial on to a revision. One that moved backward raises it
// by one; one that is ahead by more than maxStep, as after a restore with a
// large --bump-revision, too.
func (s *serial) advance(revision int64, backward bool) {
	want := revision + s.offset
	shown := s.value != 0
	if shown && (backward || want-s.value > maxStep) {
		want = s.value + 1
		s.offset = want - revision
	}
	least := s.value
	if s.changed {
		least++
	}
	s.value = max(least, want)
	if uint32(s.value) == 0 {
		s.value++
	}
	s.changed = false
}
