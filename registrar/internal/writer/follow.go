package writer

// maxSingly is how many keys of a service are followed one by one. Beyond it one
// watch of the whole service is cheaper for etcd, and for this client, though it
// shows the keys of others too.
const maxSingly = 64

// changes is what is to begin and to end so that what is followed is in line with
// what is to be.
type changes struct{ begin, end []*followed }

// resubscribe returns the changes since it was called last.
func (t *table) resubscribe() changes {
	var c changes
	for e := range t.following {
		switch follow := e.toFollow(); {
		case follow && e.sub == nil:
			c.subscribe(e)
		case !follow && e.sub != nil:
			c.unsubscribe(e)
		}
	}
	t.following = map[*entry]bool{}
	return c
}

// subscribe has a key followed: alone, or with its service.
func (c *changes) subscribe(e *entry) {
	svc := e.service
	svc.followed++
	switch {
	case svc.sub != nil:
		svc.sub.attach(e)
	case svc.followed <= maxSingly:
		c.follow(e.key, e)
	default:
		entries := []*entry{e}
		for _, other := range svc.entries {
			if other.sub != nil {
				other.sub.ended = true
				c.end = append(c.end, other.sub)
				entries = append(entries, other)
			}
		}
		svc.sub = c.follow(svc.rng, entries...)
	}
}

// follow has a range followed that shows entries.
func (c *changes) follow(rng string, entries ...*entry) *followed {
	f := &followed{rng: rng, entries: map[string]*entry{}}
	for _, e := range entries {
		f.attach(e)
		f.revision = max(f.revision, e.asOf)
	}
	c.begin = append(c.begin, f)
	return f
}

// unsubscribe has a key followed no more, and its service with the last one.
func (c *changes) unsubscribe(e *entry) {
	sub := e.sub
	e.sub = nil
	delete(sub.entries, e.key)
	e.service.followed--
	if len(sub.entries) > 0 {
		return
	}
	sub.ended = true
	if e.service.sub == sub {
		e.service.sub = nil
	}
	c.end = append(c.end, sub)
}
