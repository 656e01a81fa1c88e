package services

import "slices"

// filtering makes what a filter shows of the next generation from what it shows of the
// present one. Its cost is that of what changes. It is owned by a commit.
type filtering struct {
	filter Filter
	// shown is what the filter shows of the present generation.
	shown   *Generation
	index   indexEdits
	changes []Change
	altered []Altered
}

func newFiltering(f Filter, shown *Generation) *filtering {
	w := &filtering{filter: f, shown: shown}
	w.index.addressed = shown.indexes.addresses.maintained
	return w
}

// generation returns what is shown after all changes.
func (w *filtering) generation() *Generation {
	next := w.shown.with(w.changes)
	next.indexes = w.shown.indexes.with(&w.index)
	return next
}

// change makes a change of a service, in which instances are replaced.
func (w *filtering) change(c *Change, replaced []replacement) {
	name := c.name()
	have := w.shown.Service(name.Namespace, name.Name)
	if next := w.next(c, have, replaced); next != have {
		w.changes = append(w.changes, Change{Old: have, New: next})
	}
}

// next returns what is shown of a service after a change: the service itself where
// that is all of it, and nil where nothing is; have is what is shown before.
func (w *filtering) next(c *Change, have *Service, replaced []replacement) *Service {
	shown, whole := w.show(c, replaced)
	if whole && have == c.Old {
		w.follow(c, replaced)
		return c.New
	}
	d := w.draft(c, have)
	for i := range replaced {
		d.replace(&replaced[i], shown[i])
	}
	if p := c.New.Policy(); d.policy != p {
		d.setPolicy(p, 0)
	}
	switch {
	case c.New == nil || !d.exists():
		return nil
	case d.altered == 0:
		return c.New
	}
	next := c.New.at(c.New.Revision)
	next.instances, next.up, next.altered = d.instances.done(), d.up, d.altered
	next.inherit(have)
	return next
}

// show returns what is shown in place of the instances that are replaced, and whether
// that is all of them as they are.
func (w *filtering) show(c *Change, replaced []replacement) (shown []*entry, whole bool) {
	shown, whole = make([]*entry, len(replaced)), true
	for i, r := range replaced {
		if r.next == nil {
			continue
		}
		if shown[i] = r.next.through(w.filter); shown[i] == r.next {
			continue
		}
		whole = false
		a := Altered{Service: c.name(), New: r.next.instance()}
		if r.old != nil {
			a.Old = r.old.instance()
		}
		w.altered = append(w.altered, a)
	}
	return shown, whole
}

// through returns what a filter shows of an entry.
func (e *entry) through(f Filter) *entry {
	in := e.copied()
	shown := f.Show(&in)
	switch shown {
	case nil:
		return nil
	case &in:
		return e
	}
	ov, overridden := e.override()
	if !overridden {
		return newEntry(newRecord(shown))
	}
	own := *shown
	own.Status = e.ownStatus()
	return newEntry(newRecord(&own).under(ov))
}

// follow has the indexes follow a change of a service that is shown as it is.
func (w *filtering) follow(c *Change, replaced []replacement) {
	for _, r := range replaced {
		w.index.instance(c.service().name, r.old, r.next)
	}
	if old, next := c.Old.Policy(), c.New.Policy(); old != next {
		w.index.policy(c.name(), old, next)
	}
}

// shownDraft is the draft of what is shown of a service.
type shownDraft struct {
	draft
	altered int32 // as Service.altered
}

// draft returns a draft of what is shown of a service before it changes.
func (w *filtering) draft(c *Change, have *Service) *shownDraft {
	d := &shownDraft{draft: draft{name: c.service().name, index: &w.index}}
	switch {
	case have != nil:
		d.instances.instances, d.up, d.policy, d.altered = have.instances, have.up, have.policy, have.altered
	case c.Old != nil:
		d.altered = int32(c.Old.Len()) // none of them is shown
	}
	return d
}

// replace makes a replacement of which something is shown, or nil.
func (d *shownDraft) replace(r *replacement, shown *entry) {
	have := d.get(r.id())
	if r.old != nil && have != r.old {
		d.altered--
	}
	if r.next != nil && shown != r.next {
		d.altered++
	}
	switch {
	case shown == have:
	case shown == nil:
		d.remove(have.id(), 0)
	default:
		d.set(shown, 0)
	}
}

// filter brings what filters show forward to the next generation. It returns of which
// instances they show something else.
func (t *transaction) filter(next *Generation, changes []Change) []alteration {
	if len(next.filtered) == 0 || len(changes) == 0 {
		return nil
	}
	next.filtered = slices.Clone(next.filtered)
	var altered []alteration
	for i := range next.filtered {
		f := &next.filtered[i]
		w := newFiltering(f.filter, f.Generation)
		for k := range changes {
			w.change(&changes[k], t.replaced(&changes[k]))
		}
		f.Generation = w.generation()
		altered = append(altered, alteration{f.filter, w.altered})
	}
	return altered
}

// alteration are instances of which a filter shows something else.
type alteration struct {
	filter    Filter
	instances []Altered
}

// report tells the filter, without a lock: it can block.
func (a *alteration) report() {
	if len(a.instances) > 0 {
		a.filter.Report(a.instances)
	}
}
