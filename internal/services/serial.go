package services

import (
	"math"

	"github.com/rosterdns/roster/internal/mirror"
)

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

// advance takes over the revision of a commit, and moves the serial on.
func (g *Generation) advance(c mirror.Commit, changed bool) {
	if c.Revision == 0 { // no list is complete
		if g.serial.value != 0 {
			g.serial.raise(g.serial.value, changed)
		}
		return
	}
	before := g.revision
	// The minimum of several ranges is lower for a while when one is added.
	if c.Revision > before || c.Regressed {
		g.revision = c.Revision
	}
	g.serial.advance(g.revision, changed, g.revision < before)
}

// Serial returns the SOA serial of the generation: the low 32 bits of the
// revision and an offset that makes up for revisions that moved backward, so
// that it rises with each change (RFC 1982) and is never 0: before the first
// list is complete it is 1.
func (g *Generation) Serial() uint32 { return max(1, uint32(g.serial.value)) }

// FullSerial returns the SOA serial before it is cut to 32 bits, for a snapshot;
// 0 before the first list is complete.
func (g *Generation) FullSerial() int64 { return g.serial.value }

// SerialOffset returns the offset of the revision that makes the serial which
// equal servers come to show. FullSerial can be ahead of it for a while.
func (g *Generation) SerialOffset() int64 { return g.serial.offset }

// RestoreSerial makes the serial go on where it was at a revision, with the
// offset that it had. It is called after the contents were restored, and before
// the mirrors that feed the Store run.
func (s *Store) RestoreSerial(full, offset, revision int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.Load().with(nil)
	next.serial = serial{value: full, offset: offset, since: revision}
	s.journal.publish(next, nil, 0, false)
}

// Continue is RestoreSerial from another Store of the same registry, unless what
// was restored already is further, or so far behind that the step would count as
// one back.
func (s *Store) Continue(other *Generation) {
	own, full := s.Load().FullSerial(), other.FullSerial()
	if full > own && (own == 0 || full-own <= maxStep) {
		// other may have had no commit at a revision of its own yet.
		s.RestoreSerial(full, other.SerialOffset(), max(other.Revision(), other.serial.since))
	}
}
