package prometheus

import (
	"sync"

	prom "github.com/prometheus/client_golang/prometheus"

	"github.com/rosterdns/roster/registrar"
)

// Observer counts what one client does. It is safe for concurrent use.
type Observer struct {
	registrar.NopObserver
	metrics *metrics
	lookups map[lookup]prom.Counter // made by New, so that reading it takes no lock

	mu      sync.Mutex
	contact string
	states  map[instance]registrar.State
}

var _ registrar.Observer = (*Observer)(nil)

// lookup has the values of labels of look-ups.
type lookup struct{ name, result string }

// instance identifies an instance.
type instance struct{ namespace, service, id string }

// Option changes what New returns.
type Option func(*options)

type options struct{ names []string }

// WithNames lists the names whose look-ups are counted apart, as they are written in
// calls of GetService. All others are counted together, with an empty label name.
func WithNames(names ...string) Option {
	return func(o *options) { o.names = append(o.names, names...) }
}

// New returns an Observer for one client, whose metrics it registers. Observers with the
// same Registerer share them. An error says that another's metric has the name of one.
func New(registerer prom.Registerer, opts ...Option) (*Observer, error) {
	var settings options
	for _, opt := range opts {
		opt(&settings)
	}
	m, err := register(registerer)
	if err != nil {
		return nil, err
	}
	o := &Observer{metrics: m, lookups: map[lookup]prom.Counter{}, states: map[instance]registrar.State{}}
	for _, name := range append(settings.names, "") {
		for _, result := range lookupResults() {
			o.lookups[lookup{name, result}] = m.lookups.WithLabelValues(name, result)
		}
	}
	o.setContact(contactNone)
	return o, nil
}

// Looked implements registrar.Observer.
func (o *Observer) Looked(l registrar.Lookup) {
	result := resultOf(l.Err)
	if l.Stale && l.Err == nil {
		result = resultStale
	}
	counter, listed := o.lookups[lookup{l.Name, result}]
	if !listed {
		counter = o.lookups[lookup{"", result}]
	}
	counter.Inc()
	if l.Waited > 0 {
		o.metrics.waits.Observe(l.Waited.Seconds())
	}
}

// Requested implements registrar.Observer.
func (o *Observer) Requested(r registrar.Request) {
	o.metrics.requests.WithLabelValues(string(r.Operation), resultOf(r.Err)).Observe(r.Duration.Seconds())
}

// Registered implements registrar.Observer.
func (o *Observer) Registered(st registrar.InstanceStatus) {
	o.mu.Lock()
	defer o.mu.Unlock()
	in := instance{st.Namespace, st.Service, st.ID}
	move(o.metrics.registrations, string(o.states[in]), string(st.State))
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

// Close takes the client off the gauges: for programs that go on after they have closed
// their client, to be called after that. Counters stay, and so do the metrics.
func (o *Observer) Close() {
	o.setContact("")
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, state := range o.states {
		move(o.metrics.registrations, string(state), "")
	}
	clear(o.states)
}

func (o *Observer) setContact(contact string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	move(o.metrics.clients, o.contact, contact)
	o.contact = contact
}

// move counts one under another value of a gauge's label; "" is none. Observers that
// share the gauge only ever add and subtract.
func move(gauge *prom.GaugeVec, from, to string) {
	if from != "" {
		gauge.WithLabelValues(from).Dec()
	}
	if to != "" {
		gauge.WithLabelValues(to).Inc()
	}
}
