package otel

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/rosterdns/roster/registrar"
)

// The values of the attribute roster.client.contact.
const (
	contactNone = "none"
	contactMade = "made"
	contactLost = "lost"
)

// Observer measures what one client does. It is safe for concurrent use.
type Observer struct {
	registrar.NopObserver
	*instruments
	counted map[lookup][]metric.AddOption // made by New, since look-ups are many

	mu      sync.Mutex
	contact string
	states  map[instance]registrar.State
}

var _ registrar.Observer = (*Observer)(nil)

// lookup is what look-ups are counted by. errorType is "" where there was no error.
type lookup struct {
	name, errorType string
	stale           bool
}

// instance identifies an instance.
type instance struct{ namespace, service, id string }

// Option changes what New returns.
type Option func(*options)

type options struct{ names []string }

// WithNames lists the names whose look-ups are counted apart, as they are written in
// calls of GetService. All others are counted together, without roster.lookup.name.
func WithNames(names ...string) Option {
	return func(o *options) { o.names = append(o.names, names...) }
}

// New returns an Observer for one client, with the instruments of a provider. An error
// is one of those of the provider.
func New(provider metric.MeterProvider, opts ...Option) (*Observer, error) {
	var settings options
	for _, opt := range opts {
		opt(&settings)
	}
	in, err := newInstruments(provider)
	if err != nil {
		return nil, err
	}
	o := &Observer{instruments: in, counted: map[lookup][]metric.AddOption{}, states: map[instance]registrar.State{}}
	for _, name := range append(settings.names, "") {
		o.addOptions(lookup{name: name})
		o.addOptions(lookup{name: name, stale: true})
		for _, errorType := range errorTypes() {
			o.addOptions(lookup{name: name, errorType: errorType})
		}
	}
	o.setContact(contactNone)
	return o, nil
}

func (o *Observer) addOptions(l lookup) {
	var attributes []attribute.KeyValue
	if l.name != "" {
		attributes = append(attributes, attribute.String("roster.lookup.name", l.name))
	}
	if l.stale {
		attributes = append(attributes, attribute.Bool("roster.lookup.stale", true))
	}
	attributes = append(attributes, ofError(l.errorType)...)
	o.counted[l] = []metric.AddOption{metric.WithAttributes(attributes...)}
}

// ofError returns the attributes for an error.type, which can be "".
func ofError(errorType string) []attribute.KeyValue {
	if errorType == "" {
		return nil
	}
	return []attribute.KeyValue{attribute.String("error.type", errorType)}
}

// Looked implements registrar.Observer.
func (o *Observer) Looked(l registrar.Lookup) {
	by := lookup{l.Name, errorTypeOf(l.Err), l.Stale && l.Err == nil}
	options, listed := o.counted[by]
	if !listed {
		by.name = ""
		options = o.counted[by]
	}
	o.lookups.Add(context.Background(), 1, options...)
	if l.Waited > 0 {
		o.waits.Record(context.Background(), l.Waited.Seconds())
	}
}

// Requested implements registrar.Observer.
func (o *Observer) Requested(r registrar.Request) {
	attributes := append(ofError(errorTypeOf(r.Err)), attribute.String("roster.operation.name", string(r.Operation)))
	o.requests.Record(context.Background(), r.Duration.Seconds(), metric.WithAttributes(attributes...))
}

// Registered implements registrar.Observer.
func (o *Observer) Registered(st registrar.InstanceStatus) {
	o.mu.Lock()
	defer o.mu.Unlock()
	in := instance{st.Namespace, st.Service, st.ID}
	o.moveRegistration(o.states[in], st.State)
	o.states[in] = st.State
	if st.State == "" {
		delete(o.states, in)
	}
}

// Contacted implements registrar.Observer.
func (o *Observer) Contacted(inContact bool) {
	if inContact {
		o.setContact(contactMade)
		return
	}
	o.setContact(contactLost)
}

// Close takes the client off the up-down counters: for programs that go on after they
// have closed their client, to be called after that.
func (o *Observer) Close() {
	o.setContact("")
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, state := range o.states {
		o.moveRegistration(state, "")
	}
	clear(o.states)
}

func (o *Observer) setContact(contact string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	move(o.clients, "roster.client.contact", o.contact, contact)
	o.contact = contact
}

func (o *Observer) moveRegistration(from, to registrar.State) {
	move(o.registrations, "roster.client.registration.state", string(from), string(to))
}

// move counts one under another value of an attribute; "" is none.
func move(counter metric.Int64UpDownCounter, key, from, to string) {
	if from != "" {
		counter.Add(context.Background(), -1, metric.WithAttributes(attribute.String(key, from)))
	}
	if to != "" {
		counter.Add(context.Background(), 1, metric.WithAttributes(attribute.String(key, to)))
	}
}
