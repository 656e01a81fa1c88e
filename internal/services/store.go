package services

import (
	"iter"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/rosterdns/roster/internal/mirror"
)

// Store is a mirror.View that shows services. Any number of mirrors of disjoint
// ranges can feed one Store. Reading never blocks. Its methods are safe for
// concurrent use.
type Store struct {
	log    *slog.Logger
	onSkip func(SkipReason)
	ranges []string // that feed it; none where any can

	mu       sync.Mutex // writers
	orphans  orphans[override]
	policies orphans[policy] // of services that don't exist
	journal  journal
	filters  map[string]int // how many Filtered there are of each, by key
	// toldOfOrphans is set once the log says that there are too many overrides or
	// policies that are of nothing.
	toldOfOrphans atomic.Bool
}

var _ mirror.View = (*Store)(nil)

// New returns an empty Store. It logs each key that it skips, once per revision
// of the key; onSkip, which can be nil, counts them. Both are called by whoever
// commits, after readers can see the commit.
func New(log *slog.Logger, onSkip func(SkipReason)) *Store {
	if onSkip == nil {
		onSkip = func(SkipReason) {}
	}
	s := &Store{log: log, onSkip: onSkip}
	s.journal.init(&Generation{})
	return s
}

// Load returns the present generation: one atomic load.
func (s *Store) Load() *Generation { return s.journal.present.Load() }

// Subscribe returns a subscription to all that changes from now on. Its first
// Next returns the present generation.
func (s *Store) Subscribe() *Subscription { return &Subscription{journal: &s.journal} }

// Stage implements mirror.View.
func (s *Store) Stage() mirror.Stage {
	return &stage{commit: s.commit, ranges: s.ranges}
}

// commit makes the edits of a stage visible at once. Its cost is that of the
// edits, however many services and instances there are besides.
func (s *Store) commit(st *stage, c mirror.Commit) {
	out := s.advance(st.edits(), c)
	s.reportStage(st)
	s.tell(out)
}

// outcome is what a commit has to tell of, once readers can see it.
type outcome struct {
	skips   []skip
	altered []alteration
}

// advance replaces the present generation by the next one. A gate, which is nil
// without a Guard, is asked before instances are removed.
func (s *Store) advance(edits iter.Seq[*edit], c mirror.Commit, gs ...gate) outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.Load()
	t := transaction{old: old, orphans: &s.orphans, policies: &s.policies, gates: gs}
	t.index.addressed = old.indexes.addresses.maintained
	t.run(edits)
	changes, weight := t.changes()
	if c.Regressed {
		s.orphans.clampRevisions(c.Revision)
		s.policies.clampRevisions(c.Revision)
		changes = clampRevisions(old, changes, c.Revision)
		weight += len(changes)
	}
	next := old.with(changes)
	next.indexes = old.indexes.with(&t.index)
	next.advance(c, len(changes) > 0)
	altered := t.filter(next, changes)
	// Also without changes: readers see the revision.
	s.publish(next, changes, weight, c.Regressed)
	return outcome{t.skips, altered}
}

// publish makes a generation the present one, with what filters show of it.
func (s *Store) publish(g *Generation, changes []Change, weight int, notify bool) {
	g.settle()
	before := s.Load()
	for _, c := range changes {
		before.versions(c.Old, (*Service).replace)
	}
	s.journal.publish(g, changes, weight, notify)
}

// IndexAddresses has indexes by address from now on, which Generation.WithAddress
// and AddressFrom use: without, AddressFrom finds none. They are for who looks up
// addresses: an event that changes those of an instance costs half as much again, and
// each address takes some 100 bytes.
func (s *Store) IndexAddresses() {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.Load().with(nil)
	if next.indexes.addresses.maintained {
		return
	}
	next.indexAddresses()
	next.filtered = slices.Clone(next.filtered)
	for i := range next.filtered {
		f := &next.filtered[i]
		f.Generation = f.with(nil)
		f.indexAddresses()
	}
	s.publish(next, nil, 0, false)
}

// indexAddresses makes indexes by address.
func (g *Generation) indexAddresses() {
	e := indexEdits{addressed: true}
	for svc := range g.All() {
		for in := range svc.instances.all() {
			e.addAddresses(svc.name, in, false)
		}
	}
	g.indexes.addresses = addressIndex{maintained: true}.with(e.addresses)
	g.indexes.reach = reachIndex{}.with(e.reach)
}

// RestoreSerial makes the serial go on from that of a snapshot at a revision, with the
// offset that it had. It is called before the contents are restored, so that these are
// never shown under another serial; if anything was shown before, the serial rises
// once more.
func (s *Store) RestoreSerial(full, offset, revision int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from := serial{value: full, offset: offset, since: revision}
	if s.Load().serial.value == 0 {
		from.restoring = true
	} else {
		from.raise(full, true)
	}
	s.goOn(from)
}

// RaiseSerial makes the serial rise as with a change: readers show the contents in
// another way from now on. What they have shown under the serials before is not known
// any more.
func (s *Store) RaiseSerial() {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := s.Load().with(nil)
	if next.serial.value == 0 { // nothing has been shown
		return
	}
	next.serial.raise(next.serial.value, true)
	s.journal.forget()
	s.publish(next, nil, 0, true)
}

// Continue makes the serial go on from that of another Store of the same registry.
func (s *Store) Continue(other *Generation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// other may have had no commit at a revision of its own yet.
	s.goOn(serial{value: other.serial.value, offset: other.serial.offset, since: max(other.revision, other.serial.since)})
}

// goOn sets the serial, unless the present one is as far already, or so far behind that
// the step would count as one back. The caller holds the mutex.
func (s *Store) goOn(from serial) {
	next := s.Load().with(nil)
	own := next.serial.value
	if ahead := from.value - own; ahead <= 0 || own != 0 && ahead > maxStep {
		return
	}
	next.serial = from
	s.journal.forget()
	s.publish(next, nil, 0, false)
}

// tell tells of what a commit skipped, and the filters what they show otherwise. It is
// called without the lock: a log can block.
func (s *Store) tell(o outcome) {
	s.report(o.skips)
	for i := range o.altered {
		o.altered[i].report()
	}
}

// reportStage tells of what was found while a stage was filled.
func (s *Store) reportStage(st *stage) {
	for i := range st.parts {
		s.report(st.parts[i].skips)
	}
	for i := range st.parts {
		for k := range st.parts[i].outside {
			st.parts[i].outside[k].log(s.log)
		}
	}
}

// report counts and logs what was skipped, without the lock.
func (s *Store) report(skips []skip) {
	for i := range skips {
		k := &skips[i]
		s.onSkip(k.reason)
		if !k.tooMany() || !s.toldOfOrphans.Swap(true) {
			k.log(s.log)
		}
	}
}
