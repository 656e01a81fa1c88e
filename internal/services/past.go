package services

import (
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
}

func newPast(store *Store, events int) *past {
	return &past{store: store, last: make(map[string]*mirror.Event, events)}
}

// add takes note of the next event, which stays as it is.
func (p *past) add(ev *mirror.Event) { p.last[ev.Key] = ev }

// instance returns the instance of a key as it was last seen; nil if there was
// none.
func (p *past) instance(key string) *catalog.Instance {
	k, err := catalog.ParseKey(key)
	if err != nil || k.Kind != catalog.KindInstance {
		return nil
	}
	if ev := p.last[key]; ev != nil {
		in, err := catalog.DecodeValue(k.ID, ev.Value)
		if ev.Deleted || err != nil {
			return nil
		}
		return &in
	}
	s := p.store.Load().Service(k.Namespace, k.Service)
	if s == nil {
		return nil
	}
	return s.Instance(k.ID)
}
