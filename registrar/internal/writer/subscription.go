package writer

import (
	"bytes"
	"slices"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

// subscription is what the mirror shows a range to.
type subscription struct {
	*followed
	table *table
}

var _ mirror.Background = (*subscription)(nil)

// Background implements mirror.Background.
func (s *subscription) Background() {}

// Stage implements mirror.View.
func (s *subscription) Stage() mirror.Stage { return &stage{sub: s} }

// stage collects what is shown of this client's keys.
type stage struct {
	sub  *subscription
	seen []sighting
}

// sighting is a key as the mirror shows it.
type sighting struct {
	key      string
	observed observed
	revision int64 // of the change
}

var _ mirror.Stage = (*stage)(nil)

// Apply implements mirror.Stage. Of a service's range most keys can be those of
// other clients.
func (st *stage) Apply(events []mirror.Event) {
	t := st.sub.table
	t.lock()
	defer t.unlock()
	for i := range events {
		ev := &events[i]
		if t.index.entries[ev.Key] == nil && !t.leases.own(ev.Lease) {
			continue
		}
		seen := sighting{key: ev.Key, observed: observed{presence: absent}, revision: ev.ModRevision}
		if !ev.Deleted {
			seen.observed = observed{presence: present, value: bytes.Clone(ev.Value), lease: ev.Lease, revision: ev.ModRevision}
		}
		st.seen = append(st.seen, seen)
	}
}

// Commit implements mirror.Stage.
func (st *stage) Commit(c mirror.Commit) {
	t := st.sub.table
	if c.Cause != mirror.CauseWatch && c.Cause != mirror.CauseList {
		return // no news of etcd
	}
	t.lock()
	defer t.nudge()
	defer t.unlock()
	if !t.closed && !st.sub.ended {
		st.sub.commit(c, st.seen)
	}
}

func (s *subscription) commit(c mirror.Commit, seen []sighting) {
	t := s.table
	if c.Cause == mirror.CauseList {
		t.audit = t.audit || s.listed // something broke: the lease can have other keys, too
		s.listed = true
	}
	if c.Regressed || c.Revision < s.revision {
		s.regressed()
	}
	for _, g := range seen {
		e, own := t.index.entries[g.key], t.leases.own(g.observed.lease)
		if e == nil && own {
			e = t.ghost(g.key)
		}
		if e == nil {
			continue
		}
		e.shown = g.revision
		if e.sub != s.followed && !own {
			continue // it is not followed, or not yet
		}
		if c.Cause == mirror.CauseWatch && e.isOld(g.revision) {
			continue
		}
		asOf := g.revision
		if c.Cause == mirror.CauseList {
			asOf = max(asOf, c.Revision) // a list shows what is there now
		}
		t.observe(e, g.observed, asOf)
	}
	s.revision = c.Revision
	s.unconfirmed = slices.DeleteFunc(s.unconfirmed, func(e *entry) bool {
		if e.sub == s.followed && e.shown < e.observed.revision {
			if e.observed.revision > s.revision {
				return false
			}
			t.invalidate(e) // etcd doesn't have what it has told of
		}
		e.unconfirmed = false
		return true
	})
}

// ghost returns an entry for a key that hangs on a lease of this client's, and
// that nothing is known of; nil if it can't be an instance's.
func (t *table) ghost(key string) *entry {
	name, err := catalog.ParseKey(key)
	if err != nil || name.Kind != catalog.KindInstance {
		return nil
	}
	e := t.index.entry(name)
	e.history.acked = true // nobody else writes under the lease
	return e
}

// regressed takes etcd's history as having gone back: what was known of revisions
// is worth nothing.
func (s *subscription) regressed() {
	for _, e := range s.entries {
		e.asOf = 0 // the mirror tells if it is another now
	}
	for _, e := range s.unconfirmed {
		if e.sub == s.followed {
			e.unconfirmed = false
			s.table.invalidate(e)
		}
	}
	s.unconfirmed = nil
}
