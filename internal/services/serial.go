package services

import "math"

// serial is the SOA serial of a generation before it is cut to 32 bits. Equal
// servers that saw the same changes show the same one, since it follows etcd's
// revision; it leaves the revision only where that would let it stand still or
// move backward.
type serial struct {
	value  int64 // 0 before the first list
	offset int64 // of the revision, to what value follows; value can be ahead of it for a while
	// since is the revision that value was taken over at, until the first commit
	// at a revision. A Store that starts empty knows by nothing else that etcd's
	// moved backward.
	since int64
	// restoring says that value is that of the contents of a snapshot, which the next
	// commit brings if it is of CauseRestore.
	restoring bool
}

// maxStep is the largest step that counts as forward (RFC 1982, 3.1).
const maxStep = math.MaxInt32

// advance moves the serial on to a revision. It rises if something changed. A
// revision that moved backward raises it by one; one that is ahead by more than
// maxStep, as after a restore with a large --bump-revision, too.
func (s *serial) advance(revision int64, changed, backward bool) {
	next := revision + s.offset
	shown := s.value != 0
	backward = backward || revision < s.since
	if shown && (backward || next-s.value > maxStep) {
		next = s.value + 1
		s.offset = next - revision
	}
	s.raise(next, changed)
	s.since = 0
}

// raise moves the serial to a value, but never back, and by one at least if
// something changed. It is never 0 when it is cut.
func (s *serial) raise(to int64, changed bool) {
	least := s.value
	if changed {
		least++
	}
	s.value = max(least, to)
	if uint32(s.value) == 0 {
		s.value++
	}
}
