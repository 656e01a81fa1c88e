package otel

import (
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/metric"
)

// scope names the instruments' origin, by convention the path of the package.
const scope = "github.com/rosterdns/roster/registrar/observe/otel"

// buckets reach from the answer of an etcd nearby to the time-outs of requests.
var buckets = metric.WithExplicitBucketBoundaries(.001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10)

// instruments are those of all observers of one provider, which gives the same ones for
// the same names.
type instruments struct {
	lookups       metric.Int64Counter
	waits         metric.Float64Histogram
	requests      metric.Float64Histogram
	registrations metric.Int64UpDownCounter
	clients       metric.Int64UpDownCounter
}

func newInstruments(provider metric.MeterProvider) (*instruments, error) {
	meter := provider.Meter(scope)
	lookups, err1 := meter.Int64Counter("roster.client.lookups",
		metric.WithUnit("{lookup}"), metric.WithDescription("Calls of GetService."))
	waits, err2 := meter.Float64Histogram("roster.client.lookup.wait_time", buckets,
		metric.WithUnit("s"), metric.WithDescription("How long calls of GetService waited for the backend, without those that didn't."))
	requests, err3 := meter.Float64Histogram("roster.client.request.duration", buckets,
		metric.WithUnit("s"), metric.WithDescription("Requests to the backend."))
	registrations, err4 := meter.Int64UpDownCounter("roster.client.registration.count",
		metric.WithUnit("{registration}"), metric.WithDescription("Instances that clients were asked to register and that aren't known to be gone."))
	clients, err5 := meter.Int64UpDownCounter("roster.client.count",
		metric.WithUnit("{client}"), metric.WithDescription("Clients by contact with the backend."))
	if err := errors.Join(err1, err2, err3, err4, err5); err != nil {
		return nil, fmt.Errorf("otel: making the instruments of a registrar's client: %w", err)
	}
	return &instruments{lookups, waits, requests, registrations, clients}, nil
}
