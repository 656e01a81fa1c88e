package writer

import (
	"cmp"
	"slices"
)

// maxSingly is how many keys of a service are followed one by one. Beyond it one
// watch of the whole service is cheaper for etcd, and for this client, though it
// shows the keys of others too.
const maxSingly = 64

// resubscribe brings what is followed in line with what is to be. It returns the
// subscriptions that are to begin, and those that are to end.
func (t *table) resubscribe() (begin, end []*subscription) {
	for e := range t.refollow {
		switch follow := e.toFollow(); {
		case follow && e.sub == nil:
			begin, end = t.subscribe(e, begin, end)
		case !follow && e.sub != nil:
			end = t.unsubscribe(e, end)
		}
	}
	clear(t.refollow)
	return begin, end
}

// subscribe has a key followed: alone, or with its service.
func (t *table) subscribe(e *entry, begin, end []*subscription) (_, _ []*subscription) {
	svc := e.service
	svc.followed++
	switch {
	case svc.sub != nil:
	case svc.followed <= maxSingly:
		single := t.newSubscription(e.key)
		single.attach(e)
		single.revision = e.asOf
		return append(begin, single), end
	default:
		svc.sub = t.newSubscription(svc.rng)
		begin = append(begin, svc.sub)
		for _, other := range inOrder(svc.entries) {
			if other.sub != nil {
				other.sub.ended = true
				end = append(end, other.sub)
				svc.sub.attach(other)
				svc.sub.revision = max(svc.sub.revision, other.asOf)
			}
		}
		svc.sub.revision = max(svc.sub.revision, e.asOf)
	}
	svc.sub.attach(e)
	return begin, end
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

// attach has an entry shown by the subscription.
func (s *subscription) attach(e *entry) {
	e.sub, e.shown = s, 0
	s.entries[e.key] = e
	if e.observed.presence == present {
		s.table.confirm(e, e.asOf)
	}
}

// unsubscribe has a key followed no more, and its service with the last one.
func (t *table) unsubscribe(e *entry, end []*subscription) []*subscription {
	sub := e.sub
	e.sub = nil
	delete(sub.entries, e.key)
	e.service.followed--
	t.dropService(e.service)
	if len(sub.entries) > 0 {
		return end
	}
	sub.ended = true
	if e.service.sub == sub {
		e.service.sub = nil
	}
	return append(end, sub)
}
