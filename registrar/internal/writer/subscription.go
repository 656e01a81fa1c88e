package writer

import (
	"bytes"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

// subscription is a range that the mirror follows for the table: a key, or the
// keys of a service. The table's mutex guards it.
type subscription struct {
	table    *table
	rng      string
	entries  map[string]*entry // that are followed by it
	stop     func()
	ended    bool
	listed   bool
	revision int64 // as of which the range was shown last; before that, which etcd had
	// unconfirmed is what etcd has acknowledged and the mirror has not shown yet,
	// in order of revision.
	unconfirmed []confirmation
}

// confirmation is a write of a key at a revision.
type confirmation struct {
	entry    *entry
	revision int64
}

var _ mirror.View = (*subscription)(nil)

// Stage implements mirror.View.
func (s *subscription) Stage() mirror.Stage { return &stage{sub: s} }

// newSubscription returns a subscription of entries, which has yet to begin.
func (t *table) newSubscription(rng string) *subscription {
	return &subscription{table: t, rng: rng, entries: map[string]*entry{}}
}

// stage collects what is shown of this client's keys.
type stage struct {
	sub  *subscription
	seen []sighting
}

// sighting is a key as the mirror shows it.
type sighting struct {
	entry    *entry
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
		e := t.entries[ev.Key]
		if e == nil && !ev.Deleted && t.own(ev.Lease) {
			e = t.ghost(ev.Key)
		}
		if e == nil {
			continue
		}
		seen := sighting{entry: e, observed: observed{presence: absent}, revision: ev.ModRevision}
		if !ev.Deleted {
			seen.observed = observed{presence: present, value: bytes.Clone(ev.Value), lease: ev.Lease, revision: ev.ModRevision}
		}
		st.seen = append(st.seen, seen)
	}
}

// ghost returns an entry for a key that hangs on a lease of this client's, and
// that nothing is known of; nil if it can't be an instance's.
func (t *table) ghost(key string) *entry {
	name, err := catalog.ParseKey(key)
	if err != nil || name.Kind != catalog.KindInstance {
		return nil
	}
	name.Namespace, name.Service, name.ID = strings.Clone(name.Namespace), strings.Clone(name.Service), strings.Clone(name.ID)
	e := t.entry(name)
	e.history.acked = true // nobody else writes under the lease
	return e
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
		if g.entry.sub != s && !t.own(g.observed.lease) {
			continue // this client has nothing to do with it
		}
		asOf := g.revision
		if c.Cause == mirror.CauseList {
			asOf = max(asOf, c.Revision) // a list shows what is there now
		}
		g.entry.shown = g.revision
		t.observe(g.entry, g.observed, asOf)
	}
	s.revision = c.Revision
	for len(s.unconfirmed) > 0 && s.unconfirmed[0].revision <= s.revision {
		n := s.unconfirmed[0]
		s.unconfirmed = s.unconfirmed[1:]
		if e := n.entry; e.sub == s && e.asOf == n.revision && e.shown < n.revision {
			t.audit = true
			t.doubt(e) // etcd doesn't have what it has acknowledged
		}
	}
}

// regressed takes etcd's history as having gone back: what was known of revisions
// is worth nothing.
func (s *subscription) regressed() {
	t := s.table
	t.audit = true
	s.unconfirmed = nil
	for _, e := range s.entries {
		e.asOf = 0
		if e.shown != e.observed.revision {
			t.doubt(e) // else the mirror tells if it is another now
		}
	}
}

// confirm has the mirror asked for a write that etcd has acknowledged.
func (t *table) confirm(e *entry, revision int64) {
	if e.sub != nil {
		e.sub.unconfirmed = append(e.sub.unconfirmed, confirmation{e, revision})
	}
}
