package services

import (
	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/notify"
)

// waiting is who waits for changes of single services, or for services that appear or
// disappear: the journal's mutex guards it.
type waiting map[catalog.ServiceName]*notify.List

// Notify has wake, which has room for a token, get one after each commit that changes
// a service, unless it holds one, until stop is called. Without a name that is each
// commit after which another set of services exists in the namespace, and without a
// namespace in any. Who loads the present generation after Notify has returned misses
// nothing. A commit costs it a few look-ups for each service that it changes, however
// many others are waited for.
func (s *Store) Notify(service catalog.ServiceName, wake chan<- struct{}) (stop func()) {
	j := &s.journal
	j.mu.Lock()
	defer j.mu.Unlock()
	list := j.waiting[service]
	if list == nil {
		if j.waiting == nil {
			j.waiting = waiting{}
		}
		list = &notify.List{}
		j.waiting[service] = list
	}
	remove := list.Add(wake)
	return func() {
		j.mu.Lock()
		defer j.mu.Unlock()
		if remove(); list.Empty() && j.waiting[service] == list {
			delete(j.waiting, service)
		}
	}
}

// notify wakes who waits for one of the services.
func (w waiting) notify(changes []Change) {
	if len(w) == 0 {
		return
	}
	for i := range changes {
		c := &changes[i]
		w.wake(c.name())
		if c.Old == nil || c.New == nil {
			w.wake(catalog.ServiceName{Namespace: c.namespace()})
			w.wake(catalog.ServiceName{})
		}
	}
}

// wake wakes who waits for a name.
func (w waiting) wake(name catalog.ServiceName) {
	if list := w[name]; list != nil {
		list.Notify()
	}
}
