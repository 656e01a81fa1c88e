package driver

import (
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/replica"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/observing"
	"github.com/rosterdns/roster/registrar/internal/writer"
)

// observed tells an observer what the parts of a driver do; nil where there is none.
type observed struct {
	observer registrar.Observer
	queue    observing.Queue
	contact  *observing.Contact
}

// observe has an observer, which can be nil, told of the requests to an etcd.
func observe(observer registrar.Observer, etcd *Etcd) *observed {
	if observer == nil {
		return nil
	}
	etcd.Source = observedSource(etcd.Source, observer)
	etcd.Backend = observedBackend(etcd.Backend, observer)
	o := &observed{observer: observer}
	o.contact = observing.NewContact(&o.queue, observer)
	return o
}

// looked returns what the reader calls.
func (o *observed) looked() func(registrar.Lookup) {
	if o == nil {
		return nil
	}
	return o.observer.Looked
}

// reports returns what the writer calls.
func (o *observed) reports() *writer.Reports {
	if o == nil {
		return nil
	}
	return &writer.Reports{
		Registered: func(st registrar.InstanceStatus) { o.queue.Add(func() { o.observer.Registered(st) }) },
		Contacted:  o.contact.Note,
		Tell:       o.queue.Tell,
	}
}

// replica returns what the replica calls, with another observer.
func (o *observed) replica(other replica.Observer) replica.Observer {
	if o == nil {
		return other
	}
	return mirrorObserver{other, o}
}

// mirrorObserver tells of contact.
type mirrorObserver struct {
	replica.Observer
	*observed
}

// StateChanged implements mirror.Observer.
func (m mirrorObserver) StateChanged(s mirror.Status) {
	m.Observer.StateChanged(s)
	m.contact.Note(s.State == mirror.Live)
	m.queue.Tell()
}
