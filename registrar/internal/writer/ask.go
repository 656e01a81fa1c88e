package writer

import (
	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// register records instances of a service as desired, with their encoded values, and
// returns those for which that changes anything.
func (t *table) register(namespace, name string, instances []registrar.Instance, values [][]byte) (list []*entry) {
	for i := range instances {
		e := t.index.entry(instance(namespace, name, instances[i].ID))
		if e.register(values[i], instances[i].Static) {
			t.touch(e, false)
			list = append(list, e)
		}
	}
	return list
}

// unregister records that instances are to go, all of this client's in the
// service if ids is empty, and returns those for which that takes a write.
func (t *table) unregister(namespace, name string, ids []string) (list []*entry) {
	var entries []*entry
	for _, id := range ids {
		entries = append(entries, t.index.entry(instance(namespace, name, id)))
	}
	if len(ids) == 0 {
		entries = t.index.desired(namespace, name)
	}
	for _, e := range entries {
		t.dismiss(e)
		if !e.converged() {
			list = append(list, e)
		}
	}
	return list
}

// dismiss has the instance of an entry removed.
func (t *table) dismiss(e *entry) {
	switch {
	case e.desired.intent == intentRegister && e.desired.static && !e.history.sentAny():
		e.remove(intentRemoveStatic)
	case e.desired.intent == intentRegister && !e.history.sentAny():
		e.remove(intentNone) // nobody else has heard of it
	case e.desired.intent == intentNone && !e.history.sentAny():
		e.remove(intentRemoveAny) // what this client has never written is removed as it is found
	case e.desired.intent <= intentRegister:
		e.remove(intentRemove)
	default:
		e.remove(e.desired.intent) // again, at once
	}
	t.touch(e, false)
}

// instance names an instance of a service.
func instance(namespace, service, id string) catalog.Key {
	return catalog.Key{Kind: catalog.KindInstance, Namespace: namespace, Service: service, ID: id}
}
