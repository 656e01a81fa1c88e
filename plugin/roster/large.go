package roster

import (
	"iter"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
)

// large has the record sets of a large service that most questions without a selector
// are for. They are made at their first use, or of those of an earlier version: then
// the work follows what has changed.
type large struct {
	service *services.Service
	// everyone says that instances answer whatever their status.
	everyone  bool
	addresses lazy[addressShards]
	targets   lazy[*shards[srvTarget]]
	ports     [portKeyings]lazy[portShards]
}

// newLarge returns what is served of a version of a large service. before is that of an
// earlier version, or nil.
func newLarge(s *services.Service, before *large) *large {
	l := &large{service: s, everyone: s.Up() < s.Policy().Up()}
	if before == nil || before.everyone != l.everyone {
		return l
	}
	changed := s.Since(before.service)
	if a := before.addresses.made.Load(); a != nil {
		l.addresses.get(func() addressShards { return a.with(l.addressEdits(changed)) })
	}
	if t := before.targets.made.Load(); t != nil {
		l.targets.get(func() *shards[srvTarget] { return (*t).with(edits(l, changed, eachTarget)) })
	}
	for k := range portKeyings {
		if p := before.ports[k].made.Load(); p != nil && p.by != nil {
			l.ports[k].get(func() portShards { return p.with(changed, l.answers, k.key) })
		}
	}
	return l
}

// all yields the instances as changes of a service that had none.
func (l *large) all() changes {
	return func(yield func(old, next *catalog.Instance) bool) {
		for in := range l.service.All() {
			if !yield(nil, in) {
				return
			}
		}
	}
}

// answers reports whether there is an instance that answers for the service.
func (l *large) answers(in *catalog.Instance) bool { return in != nil && (l.everyone || in.Up()) }

// count returns how many instances answer.
func (l *large) count() int {
	if l.everyone {
		return l.service.Len()
	}
	return l.service.Up()
}

// edits returns what changes are to a record set to which each instance that answers
// contributes.
func edits[T any](l *large, changed changes, each func(*catalog.Instance) iter.Seq[T]) (list []shardEdit[T]) {
	add := func(in *catalog.Instance, remove bool) {
		if !l.answers(in) {
			return
		}
		for t := range each(in) {
			list = append(list, shardEdit[T]{t, remove})
		}
	}
	for old, next := range changed {
		add(old, true)
		add(next, false)
	}
	return list
}

// addressSets returns the addresses that answer: those of the lowest priority value, as
// in catalog.Preferred.
func (l *large) addressSets() *addressSets {
	s := l.addresses.get(func() addressShards {
		return addressShards{new(shards[addressOf]), new(shards[addressOf])}.with(l.addressEdits(l.all()))
	})
	preferred, sets := s.preferred(), new(addressSets)
	sets.v4.setLarge(s.v4.only(preferred))
	sets.v6.setLarge(s.v6.only(preferred))
	return sets
}

func (l *large) addressEdits(changed changes) (v4, v6 []shardEdit[addressOf]) {
	for _, e := range edits(l, changed, eachAddress) {
		if e.of.addr.Is4() {
			v4 = append(v4, e)
		} else {
			v6 = append(v6, e)
		}
	}
	return v4, v6
}

// srvSet returns the targets of all ports.
func (l *large) srvSet() *srvSet {
	return newLargeSRVSet(*l.targets.get(func() *shards[srvTarget] {
		return new(shards[srvTarget]).with(edits(l, l.all(), eachTarget))
	}))
}

// port returns the instances with a port, and whether there is one, whatever its status.
// It reports false with ok where it isn't known.
func (l *large) port(key portKey) (set *shards[srvTarget], exists, ok bool) {
	k := key.keying()
	p := l.ports[k].get(func() portShards { return newPortShards(l.all(), l.answers, k.key) })
	if p.by == nil {
		return nil, false, false
	}
	at, exists := p.by[key]
	return at.targets, exists, true
}
