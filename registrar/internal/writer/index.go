package writer

import "github.com/rosterdns/roster/catalog"

// index finds entries by key, and by service.
type index struct {
	entries  map[string]*entry   // by key
	services map[string]*service // by range
}

func newIndex() index { return index{entries: map[string]*entry{}, services: map[string]*service{}} }

// entry returns the entry of an instance, a new one if there is none.
func (x *index) entry(name catalog.Key) *entry {
	rng := rangeOf(name.Namespace, name.Service)
	key := rng + name.ID
	if e := x.entries[key]; e != nil {
		return e
	}
	svc := x.services[rng]
	if svc == nil {
		svc = &service{rng: rng, entries: map[string]*entry{}}
		x.services[rng] = svc
	}
	e := &entry{name: name, key: key, service: svc}
	x.entries[key], svc.entries[key] = e, e
	return e
}

func rangeOf(namespace, service string) string { return namespace + "/" + service + "/" }

// desired returns the entries of a service of which something is desired.
func (x *index) desired(namespace, name string) (list []*entry) {
	if svc := x.services[rangeOf(namespace, name)]; svc != nil {
		for _, e := range svc.entries {
			if e.desired.intent != intentNone {
				list = append(list, e)
			}
		}
	}
	return list
}

// drop forgets an entry.
func (x *index) drop(e *entry) {
	delete(x.entries, e.key)
	delete(e.service.entries, e.key)
	if len(e.service.entries) == 0 {
		delete(x.services, e.service.rng)
	}
}
