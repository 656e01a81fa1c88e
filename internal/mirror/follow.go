package mirror

// add begins to follow a range.
func (l *loop) add(r *Range) {
	l.views.of(r.view).add(r)
	r.revision = r.status.Load().Revision // of what it was seeded from
	l.lists.add(r)
}

// remove ends it.
func (l *loop) remove(r *Range) {
	l.lists.drop(r)
	l.streams.drop(r)
	r.phase = dropped
	l.views.of(r.view).remove(r)
	l.clear(r.view, r.name)
	r.changed.Notify()
}

// clear takes the keys of a range that no other has out of its view.
func (l *loop) clear(view View, rng string) {
	c := l.views.of(view)
	if !l.ranges.holds(view, rng) {
		var events []Event
		for p := c.index.from(rng); p.more && covers(rng, string(p.key)); p.next() {
			if key := string(p.key); !l.ranges.holds(view, key) {
				events = append(events, Event{Key: key, ModRevision: c.known(), Deleted: true})
			}
		}
		for _, ev := range events {
			c.index.Delete(ev.Key)
		}
		if len(events) > 0 {
			stage := view.Stage()
			stage.Apply(events)
			c.commit(stage, CauseDrop, false)
		}
	}
	if len(c.ranges) == 0 && c.index.Len() == 0 {
		delete(l.views, view)
	}
	l.removed = true // see work
}
