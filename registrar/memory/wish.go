package memory

import (
	"bytes"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// wish is what the user wants of one instance, and how far that is. The store's
// mutex guards it.
type wish struct {
	instance  registrar.Instance
	wasStatic bool // a static value was written: static entries are the client's too
	state     registrar.State
	since     time.Time
}

// set enters a state.
func (w *wish) set(state registrar.State) {
	if w.state != state {
		w.state, w.since = state, time.Now()
	}
}

// holds reports whether the entry is what the wish wants, though another client
// wrote it: static ones are nobody's.
func (w *wish) holds(e entry) bool {
	return e.owner == nil && w.wasStatic && bytes.Equal(e.instance.EncodeValue(), w.instance.EncodeValue())
}

// mine reports whether an entry may be changed by the client for the wish.
func (d *driver) mine(w *wish, e entry) bool {
	return e.owner == d || (e.owner == nil && w.wasStatic)
}

// want records a wish and writes it: whatever there is if it is the first for
// the ID, else only over an entry of this client. The caller holds the mutex.
func (d *driver) want(k instanceKey, in registrar.Instance) {
	w, known := d.wishes[k]
	if !known {
		w = &wish{}
		d.wishes[k] = w
	}
	e, present := d.store.entry(k)
	unchanged := known && w.state == registrar.StateRegistered && w.instance.Static == in.Static &&
		bytes.Equal(w.instance.EncodeValue(), in.EncodeValue())
	w.instance = in
	switch {
	case unchanged:
	case known && present && !d.mine(w, e):
		d.superseded(k, w)
	default:
		d.write(k, w)
	}
}

// write puts a wish into the store. The caller holds the mutex.
func (d *driver) write(k instanceKey, w *wish) {
	e := entry{instance: w.instance, owner: d}
	if w.instance.Static {
		e.owner, w.wasStatic = nil, true
	}
	w.set(registrar.StateRegistered)
	d.wrote[k] = struct{}{}
	d.store.put(k, e)
}

// superseded notes that the ID is another client's. The caller holds the mutex.
func (d *driver) superseded(k instanceKey, w *wish) {
	if w.state != registrar.StateSuperseded {
		d.log.Warn("registrar: another client has taken over the instance, silent until it is gone",
			"instance", k.namespace+"/"+k.name+"/"+k.id)
	}
	w.set(registrar.StateSuperseded)
	d.store.broadcast()
}

// unwant forgets a wish and removes its entry if that is the client's, or
// whosever it is if the client has never written the ID. The caller holds the
// mutex.
func (d *driver) unwant(k instanceKey) {
	w, wished := d.wishes[k]
	_, wrote := d.wrote[k]
	delete(d.wishes, k)
	e, present := d.store.entry(k)
	if present && (!wrote || (wished && d.mine(w, e))) {
		d.store.remove(k)
	}
	d.store.broadcast()
}
