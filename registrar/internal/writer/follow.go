package writer

import (
	"cmp"
	"slices"
)

// maxSingly is how many keys of a service are followed one by one. Beyond it one
// watch of the whole service is cheaper for etcd, and for this client, though it
// shows the keys of others too.
const maxSingly = 64

// changes is what is to begin and to end so that what is followed is in line with
// what is to be.
type changes struct {
	table      *table
	begin, end []*followed
}

// resubscribe returns the changes since it was called last.
func (t *table) resubscribe() changes {
	c := changes{table: t}
	for e := range t.following {
		switch follow := e.toFollow(); {
		case follow && e.sub == nil:
			c.subscribe(e)
		case !follow && e.sub != nil:
			c.unsubscribe(e)
		}
	}
	t.following = nil
	return c
}

// subscribe has a key followed: alone, or with its service.
func (c *changes) subscribe(e *entry) {
	svc := e.service
	svc.followed++
	switch {
	case svc.sub != nil:
	case svc.followed <= maxSingly:
		single := newFollowed(e.key)
		single.attach(e)
		single.revision = e.asOf
		c.begin = append(c.begin, single)
		return
	default:
		svc.sub = newFollowed(svc.rng)
		c.begin = append(c.begin, svc.sub)
		for _, other := range inOrder(svc.entries) {
			if other.sub != nil {
				other.sub.ended = true
				c.end = append(c.end, other.sub)
				svc.sub.attach(other)
				svc.sub.revision = max(svc.sub.revision, other.asOf)
			}
		}
		svc.sub.revision = max(svc.sub.revision, e.asOf)
	}
	svc.sub.attach(e)
}

// inOrder returns entries by what is known of them, the oldest first.
func inOrder(entries map[string]*entry) []*entry {
	list := make([]*entry, 0, len(entries))
	for _, e := range entries {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b *entry) int { return cmp.Compare(a.asOf, b.asOf) })
	return list
}

// unsubscribe has a key followed no more, and its service with the last one.
func (c *changes) unsubscribe(e *entry) {
	sub := e.sub
	e.sub = nil
	delete(sub.entries, e.key)
	e.service.followed--
	c.table.index.tidy(e.service)
	if len(sub.entries) > 0 {
		return
	}
	sub.ended = true
	if e.service.sub == sub {
		e.service.sub = nil
	}
	c.end = append(c.end, sub)
}
