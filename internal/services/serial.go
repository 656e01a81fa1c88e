package services

import "math"

// serial is the SOA serial of a generation before it is cut to 32 bits. Equal
// servers that saw the same changes show the same one, since it follows etcd's
// revision; it leaves the revision only where that would let it stand still or
// move backward.
type serial struct {
	value   int64
	offset  int64 // of the revision, to what value follows; value can be ahead of it for a while
	changed bool  // something changed since value last rose
	// since is the revision that value was taken over at, until the first
	// complete batch. A Store that starts empty knows by nothing else that etcd's
	// moved backward.
	since int64
}

// maxStep is the largest step that counts as forward (RFC 1982, 3.1).
const maxStep = math.MaxInt32

// advance moves the serial on to a revision. One that moved backward raises it
// by one; one that is ahead by more than maxStep, as after a restore with a
// large --bump-revision, too.
func (s *serial) advance(revision int64, backward bool) {
	want := revision + s.offset
	shown := s.value != 0
	backward = backward || revision < s.since
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
	s.changed, s.since = false, 0
}

// FullSerial returns the SOA serial before it is cut to 32 bits, for a snapshot.
func (g *Generation) FullSerial() int64 { return g.serial.value }

// SerialOffset returns the offset of the revision that makes the serial which
// equal servers come to show. FullSerial can be ahead of it for a while.
func (g *Generation) SerialOffset() int64 { return g.serial.offset }

// RestoreSerial makes the serial go on where it was at a revision, with the
// offset that it had. It is called after the mirrors that feed the Store were
// restored, and before they run.
func (s *Store) RestoreSerial(full, offset, revision int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := *s.gen.Load()
	next.serial = serial{value: full, offset: offset, since: revision}
	s.gen.Store(&next)
}

// Continue is RestoreSerial from another Store of the same registry, unless what
// was restored already is further, or so far behind that the step would count as
// one back.
func (s *Store) Continue(other *Generation) {
	own, full := s.Load().FullSerial(), other.FullSerial()
	if full > own && (own == 0 || full-own <= maxStep) {
		// other may have had no complete batch of its own yet.
		s.RestoreSerial(full, other.SerialOffset(), max(other.Revision(), other.serial.since))
	}
}
