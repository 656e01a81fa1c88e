package mirror

import (
	"slices"

	"go.etcd.io/etcd/api/v3/mvccpb"
)

// contents is what the loop knows of one view: the keys that were committed to it,
// and the ranges that they are of.
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

// views are the contents of all views.
type views map[View]*contents

// of returns the contents of a view.
func (v views) of(view View) *contents {
	c := v[view]
	if c == nil {
		c = newContents(view)
		v[view] = c
	}
	return c
}

// empty reports whether there is no range.
func (v views) empty() bool {
	for _, c := range v {
		if len(c.ranges) > 0 {
			return false
		}
	}
	return true
}

// background reports whether there are ranges, all of Background views.
func (v views) background() bool {
	for view, c := range v {
		if _, ok := view.(Background); !ok && len(c.ranges) > 0 {
			return false
		}
	}
	return !v.empty()
}

// sums returns how many keys there are, and the revision that all listed ranges
// are complete up to; 0 if there is none.
func (v views) sums() (keys int, revision int64) {
	for _, c := range v {
		keys += c.index.Len()
		if len(c.complete) > 0 && (revision == 0 || c.revision < revision) {
			revision = c.revision
		}
	}
	return keys, revision
}

// add adds a range.
func (c *contents) add(r *Range) { c.ranges[r.name] = r }

// remove takes a range out.
func (c *contents) remove(r *Range) {
	delete(c.ranges, r.name)
	if i := slices.Index(c.complete, r); i >= 0 {
		c.complete = slices.Delete(c.complete, i, i+1)
	}
}

// listed notes that a range was listed.
func (c *contents) listed(r *Range) {
	if !isClosed(r.listed) { // the first time
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
func (c *contents) commit(stage Stage, cause Cause, wentBack bool) {
	revision := c.known()
	stage.Commit(Commit{Cause: cause, Revision: revision, Regressed: wentBack && revision < c.revision})
	c.revision = revision
}

// seenElsewhere reports whether another range that covers a key is complete beyond a
// revision: an event of that revision has been seen already. One of just that
// revision may be part of a transaction of which the rest has yet to arrive.
func (c *contents) seenElsewhere(r *Range, key string, revision int64) bool {
	if len(c.ranges) == 1 {
		return false
	}
	return enclosing(key, func(name string) bool {
		other := c.ranges[name]
		return other != nil && other != r && other.trusted() && other.revision > revision
	})
}

// apply takes an event of a range's watch, and reports whether it changes the view.
func (c *contents) apply(r *Range, ev *mvccpb.Event, key string) (Event, bool) {
	revision, short := ev.Kv.ModRevision, indexKey(key)
	had, present := c.index.Get(short)
	if present && revision <= had.modRevision || c.seenElsewhere(r, key, revision) {
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

// tellLists notes a change for the lists under way that cover its key: they may
// have read the key before.
func (c *contents) tellLists(short string, now Event) {
	if len(c.ranges) == 1 {
		return // the one that changes
	}
	enclosing(now.Key, func(name string) bool {
		if r := c.ranges[name]; r != nil && r.later != nil {
			r.later[short] = now
		}
		return false
	})
}

// compared reports whether the audit of another range compares all keys of a
// range at a revision that is as new.
func (c *contents) compared(r *Range) bool {
	return enclosing(r.name, func(name string) bool {
		other := c.ranges[name]
		return other != nil && other != r && other.phase == watching && other.confirmed >= r.confirmed
	})
}

// ahead returns the other ranges that are complete beyond a revision.
func (c *contents) ahead(r *Range, revision int64) (names []string) {
	for _, other := range c.complete {
		if other != r && other.revision > revision {
			names = append(names, other.name)
		}
	}
	return names
}
