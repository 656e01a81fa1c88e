package services

import (
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

// past is what a Guard knows of keys before an event of a batch: what the events
// before it say, else what the Store has. It is built along with one pass over
// the batch, so that a list that shows a whole registry as gone costs a look-up
// for each key.
type past struct {
	store *Store
	last  map[string]*mirror.Event // by key
	words bool                     // an operator's override may be among them
}

func newPast(store *Store, events int) *past {
	return &past{store: store, last: make(map[string]*mirror.Event, events)}
}

// add takes note of the next event, which stays as it is.
func (p *past) add(ev *mirror.Event) {
	p.last[ev.Key] = ev
	p.words = p.words || strings.Contains(ev.Key, "/_")
}

// instance returns the instance of a key as it was last seen, as a reader sees
// it: with the operator's override applied. It is nil where none was served.
func (p *past) instance(key string) *catalog.Instance {
	k, err := catalog.ParseKey(key)
	if err != nil || k.Kind != catalog.KindInstance {
		return nil
	}
	in, word := p.store.stored(k, key)
	if ev := p.last[key]; ev != nil {
		if in = servedBy(k, ev); in == nil {
			return nil
		}
	}
	if in == nil {
		return nil
	}
	if p.words { // else the key of the override needn't be built
		if ev := p.last[catalog.StatusKey("", k.Namespace, k.Service, k.ID)[1:]]; ev != nil {
			word = wordOf(ev)
		}
	}
	in.Status = in.Status.Worse(word)
	return in
}

// stored returns a copy of an instance as it is in etcd, nil if there is none,
// and the operator's word on it. path is what the key starts with, at least
// "namespace/service".
func (s *Store) stored(k catalog.Key, path string) (*catalog.Instance, catalog.Status) {
	path = path[:len(k.Namespace)+1+len(k.Service)]
	svc := s.Load().Service(k.Namespace, k.Service)
	if svc == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		if svc = s.vacant[path]; svc == nil {
			return nil, catalog.StatusUp
		}
	}
	have := svc.Instance(k.ID)
	if have == nil {
		return nil, svc.override(k.ID)
	}
	own := *have
	if o, ok := svc.overrides[k.ID]; ok {
		own.Status = o.own
	}
	return &own, svc.override(k.ID)
}

// servedBy returns what the Store serves because of an event, nil if nothing.
func servedBy(k catalog.Key, ev *mirror.Event) *catalog.Instance {
	if ev.Deleted {
		return nil
	}
	in, _, err := decode(k, ev)
	if err != nil {
		return nil
	}
	return &in
}

// wordOf returns the operator's word that an event leaves.
func wordOf(ev *mirror.Event) catalog.Status {
	if ev.Deleted {
		return catalog.StatusUp
	}
	o, err := catalog.DecodeOverride(ev.Value)
	if err != nil {
		return catalog.StatusUp
	}
	return o.Status
}
