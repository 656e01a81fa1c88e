package mirror

import (
	"slices"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

// contents is what a view was told, and of which ranges. It belongs to the loop.
type contents struct {
	view     View
	index    *index
	ranges   map[string]*Range // followed
	complete []*Range          // of these, those that were listed
	revision int64             // of the last commit
}

func newContents(view View) *contents {
	return &contents{view: view, index: new(index), ranges: map[string]*Range{}}
}

// add adds a range.
func (c *contents) add(r *Range) {
	r.contents = c
	c.ranges[r.name] = r
}

// remove takes a range out.
func (c *contents) remove(r *Range) {
	delete(c.ranges, r.name)
	if i := slices.Index(c.complete, r); i >= 0 {
		c.complete = slices.Delete(c.complete, i, i+1)
	}
}

// listed notes that a range was listed.
func (c *contents) listed(r *Range) {
	if !slices.Contains(c.complete, r) {
		c.complete = append(c.complete, r)
	}
}

// known returns the revision that all listed ranges are complete up to; what it
// was where there is none.
func (c *contents) known() int64 {
	if len(c.complete) == 0 {
		return c.revision
	}
	revision := c.complete[0].revision
	for _, r := range c.complete[1:] {
		revision = min(revision, r.revision)
	}
	return revision
}

// commit makes a stage visible, with the revision that follows from the ranges.
func (c *contents) commit(stage Stage, cause Cause, rng string, wentBack bool) {
	revision := c.known()
	stage.Commit(Commit{Cause: cause, Range: rng, Revision: revision, Regressed: wentBack && revision < c.revision})
	c.revision = revision
}

// elsewhere reports whether another range that has a key shows all its changes
// up to a revision: an event of that revision, or an older one, is known.
func (c *contents) elsewhere(r *Range, key string, revision int64) bool {
	if len(c.ranges) == 1 {
		return false
	}
	return enclosing(key, func(name string) bool {
		other := c.ranges[name]
		return other != nil && other != r && other.trusted() && other.revision >= revision
	})
}

// apply takes an event of a range's watch, and reports whether it is news to the
// view.
func (c *contents) apply(r *Range, ev *mvccpb.Event, key string) (Event, bool) {
	revision, short := ev.Kv.ModRevision, indexKey(key)
	had, present := c.index.Get(short)
	if present && revision <= had.modRevision || c.elsewhere(r, key, revision) {
		return Event{}, false
	}
	now := Event{Key: key, ModRevision: revision}
	switch {
	case ev.Type != mvccpb.Event_DELETE:
		c.index.Set(short, entryOf(ev.Kv))
		now.Value, now.Lease = ev.Kv.Value, ev.Kv.Lease
	case present:
		c.index.Delete(short)
		now.Deleted = true
	default:
		return Event{}, false
	}
	c.tellLists(short, now)
	return now, true
}

// tellLists tells lists that are under way of a change to one of their keys.
func (c *contents) tellLists(short string, now Event) {
	if len(c.ranges) == 1 {
		return // the one that changes
	}
	enclosing(now.Key, func(name string) bool {
		if r := c.ranges[name]; r != nil && r.list != nil {
			r.list.later[short] = now
		}
		return false
	})
}

// head returns the latest revision that a trusted range is complete up to.
func (c *contents) head() (revision int64) {
	for _, r := range c.complete {
		if r.trusted() {
			revision = max(revision, r.revision)
		}
	}
	return revision
}
