package prometheus

import (
	"errors"
	"fmt"

	prom "github.com/prometheus/client_golang/prometheus"

	"github.com/rosterdns/roster/registrar"
)

// The values of the label contact.
const (
	contactNone = "none"
	contactMade = "made"
	contactLost = "lost"
)

// buckets reach from the answer of an etcd nearby to the time-outs of requests.
var buckets = []float64{.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10}

// metrics are all metrics as one collector: they are registered together or not at all.
type metrics struct {
	lookups       *prom.CounterVec   // by name and result
	waits         prom.Histogram     // without labels
	requests      *prom.HistogramVec // by operation and result
	registrations *prom.GaugeVec     // by state
	clients       *prom.GaugeVec     // by contact
}

// register registers new metrics, or returns those that are registered already.
func register(registerer prom.Registerer) (*metrics, error) {
	m := newMetrics()
	err := registerer.Register(m)
	if already, ok := errors.AsType[prom.AlreadyRegisteredError](err); ok {
		if shared, ok := already.ExistingCollector.(*metrics); ok {
			return shared, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("prometheus: registering the metrics of a registrar's client: %w", err)
	}
	return m, nil
}

func newMetrics() *metrics {
	m := &metrics{
		lookups: prom.NewCounterVec(prom.CounterOpts{
			Name: "roster_client_lookups_total",
			Help: "Calls of GetService, by result, and by name where that is listed.",
		}, []string{"name", "result"}),
		waits: prom.NewHistogram(prom.HistogramOpts{
			Name:    "roster_client_lookup_wait_seconds",
			Help:    "How long calls of GetService waited for the backend, without those that didn't.",
			Buckets: buckets,
		}),
		requests: prom.NewHistogramVec(prom.HistogramOpts{
			Name:    "roster_client_request_duration_seconds",
			Help:    "Requests to the backend, by operation and result.",
			Buckets: buckets,
		}, []string{"operation", "result"}),
		registrations: prom.NewGaugeVec(prom.GaugeOpts{
			Name: "roster_client_registrations",
			Help: "Instances that clients were asked to register and that aren't known to be gone, by state.",
		}, []string{"state"}),
		clients: prom.NewGaugeVec(prom.GaugeOpts{
			Name: "roster_clients",
			Help: "Clients by contact with the backend: made, lost, or none so far.",
		}, []string{"contact"}),
	}
	// What isn't there yet is 0, for alerts to see it change.
	for _, state := range []registrar.State{
		registrar.StatePending, registrar.StateRegistered, registrar.StateSuperseded, registrar.StateFailed, registrar.StateUnregistering,
	} {
		m.registrations.WithLabelValues(string(state))
	}
	for _, contact := range []string{contactNone, contactMade, contactLost} {
		m.clients.WithLabelValues(contact)
	}
	return m
}

func (m *metrics) collectors() []prom.Collector {
	return []prom.Collector{m.lookups, m.waits, m.requests, m.registrations, m.clients}
}

// Describe implements prom.Collector.
func (m *metrics) Describe(ch chan<- *prom.Desc) {
	for _, c := range m.collectors() {
		c.Describe(ch)
	}
}

// Collect implements prom.Collector.
func (m *metrics) Collect(ch chan<- prom.Metric) {
	for _, c := range m.collectors() {
		c.Collect(ch)
	}
}
