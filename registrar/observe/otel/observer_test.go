package otel

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.uber.org/goleak"

	"github.com/rosterdns/roster/registrar"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// measured is a provider and what reads it.
type measured struct {
	*sdk.MeterProvider
	reader *sdk.ManualReader
}

func newMeasured() measured {
	reader := sdk.NewManualReader()
	return measured{sdk.NewMeterProvider(sdk.WithReader(reader)), reader}
}

func newObserver(t *testing.T, provider metric.MeterProvider, opts ...Option) *Observer {
	t.Helper()
	o, err := New(provider, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// collect returns the metrics of this package's scope.
func (m measured) collect(t *testing.T) []metricdata.Metrics {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := m.reader.Collect(t.Context(), &all); err != nil {
		t.Fatal(err)
	}
	if len(all.ScopeMetrics) != 1 || all.ScopeMetrics[0].Scope.Name != scope {
		t.Fatalf("measured %+v", all.ScopeMetrics)
	}
	return all.ScopeMetrics[0].Metrics
}

func texts(attributes attribute.Set) []string {
	var list []string
	for _, a := range attributes.ToSlice() {
		list = append(list, string(a.Key)+"="+a.Value.String())
	}
	return list
}

// want compares what isn't 0, and how often histograms were recorded.
func (m measured) want(t *testing.T, names []string, want ...string) {
	t.Helper()
	var got []string
	for _, instrument := range m.collect(t) {
		add := func(attributes []string, value any) {
			if value != int64(0) && slices.Contains(names, instrument.Name) {
				got = append(got, fmt.Sprintf("%s %s %v", instrument.Name, strings.Join(attributes, ","), value))
			}
		}
		switch data := instrument.Data.(type) {
		case metricdata.Sum[int64]:
			for _, p := range data.DataPoints {
				add(texts(p.Attributes), p.Value)
			}
		case metricdata.Histogram[float64]:
			for _, p := range data.DataPoints {
				add(texts(p.Attributes), p.Count)
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

var lookupNames = []string{"roster.client.lookups", "roster.client.lookup.wait_time"}

func TestLookups(t *testing.T) {
	t.Parallel()
	m := newMeasured()
	o := newObserver(t, m, WithNames("orders"))
	wrapped := func(err error) error { return fmt.Errorf("reading: %w", err) }
	for _, l := range []registrar.Lookup{
		{Name: "orders"},
		{Name: "orders", Stale: true},
		{Name: "orders", Err: wrapped(registrar.ErrNotFound), Waited: time.Millisecond},
		{Name: "orders?tag=x"},
		{Name: "prod/orders", Stale: true},
		{Name: "payments", Err: wrapped(registrar.ErrUnavailable), Waited: time.Second},
		{Name: "payments", Err: errors.Join(context.DeadlineExceeded, registrar.ErrUnavailable), Waited: time.Second},
		{Name: "payments", Err: errors.Join(registrar.ErrUnavailable, context.Canceled)},
		{Name: "payments", Err: context.DeadlineExceeded},
		{Name: "payments", Err: wrapped(registrar.ErrPermission)},
		{Name: "Payments", Err: wrapped(registrar.ErrInvalid)},
		{Name: "payments", Err: registrar.ErrClosed},
		{Name: "payments", Err: registrar.ErrUnsupported},
	} {
		o.Looked(l)
	}
	m.want(t, lookupNames,
		"roster.client.lookups roster.lookup.name=orders 1",
		"roster.client.lookups roster.lookup.name=orders,roster.lookup.stale=true 1",
		"roster.client.lookups error.type=not_found,roster.lookup.name=orders 1",
		"roster.client.lookups  1",
		"roster.client.lookups roster.lookup.stale=true 1",
		"roster.client.lookups error.type=unavailable 2",
		"roster.client.lookups error.type=canceled 2",
		"roster.client.lookups error.type=permission 1",
		"roster.client.lookups error.type=invalid 1",
		"roster.client.lookups error.type=closed 1",
		"roster.client.lookups error.type=_OTHER 1",
		"roster.client.lookup.wait_time  3",
	)
}

func TestRequests(t *testing.T) {
	t.Parallel()
	m := newMeasured()
	o := newObserver(t, m)
	o.Requested(registrar.Request{Operation: registrar.OperationRead, Duration: 2 * time.Millisecond})
	o.Requested(registrar.Request{Operation: registrar.OperationWrite, Duration: time.Second, Err: registrar.ErrUnavailable})
	o.Requested(registrar.Request{Operation: registrar.OperationWrite, Err: fmt.Errorf("%w: %w", context.Canceled, registrar.ErrUnavailable)})
	m.want(t, []string{"roster.client.request.duration"},
		"roster.client.request.duration roster.operation.name=read 1",
		"roster.client.request.duration error.type=unavailable,roster.operation.name=write 1",
		"roster.client.request.duration error.type=canceled,roster.operation.name=write 1",
	)
}

var countNames = []string{"roster.client.registration.count", "roster.client.count"}

func status(id string, state registrar.State) registrar.InstanceStatus {
	return registrar.InstanceStatus{Namespace: "default", Service: "orders", ID: id, State: state}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	m := newMeasured()
	o := newObserver(t, m)
	m.want(t, countNames, "roster.client.count roster.client.contact=none 1")
	o.Contacted(true)
	o.Registered(status("a", registrar.StatePending))
	o.Registered(status("b", registrar.StatePending))
	o.Registered(status("a", registrar.StateRegistered))
	o.Registered(status("a", registrar.StateRegistered)) // its error has come, or gone
	m.want(t, countNames,
		"roster.client.count roster.client.contact=made 1",
		"roster.client.registration.count roster.client.registration.state=pending 1",
		"roster.client.registration.count roster.client.registration.state=registered 1",
	)
	o.Contacted(false)
	o.Registered(status("b", registrar.StateFailed))
	o.Registered(status("a", registrar.StateUnregistering))
	o.Registered(status("a", ""))
	o.Registered(status("never there", ""))
	m.want(t, countNames,
		"roster.client.count roster.client.contact=lost 1",
		"roster.client.registration.count roster.client.registration.state=failed 1",
	)
	o.Close()
	o.Close()
	m.want(t, countNames)
}

// TestTwoClients: observers with one provider add up, whatever their options.
func TestTwoClients(t *testing.T) {
	t.Parallel()
	m := newMeasured()
	a, b := newObserver(t, m), newObserver(t, m, WithNames("orders"))
	for _, o := range []*Observer{a, b} {
		o.Looked(registrar.Lookup{Name: "orders"})
		o.Registered(status("a", registrar.StateRegistered))
	}
	a.Contacted(true)
	m.want(t, append(countNames, "roster.client.lookups"),
		"roster.client.lookups  1",
		"roster.client.lookups roster.lookup.name=orders 1",
		"roster.client.registration.count roster.client.registration.state=registered 2",
		"roster.client.count roster.client.contact=made 1",
		"roster.client.count roster.client.contact=none 1",
	)
	a.Close()
	m.want(t, countNames,
		"roster.client.registration.count roster.client.registration.state=registered 1",
		"roster.client.count roster.client.contact=none 1",
	)
}

// refusing is a provider that makes no up-down counters.
type refusing struct{ noop.MeterProvider }

func (refusing) Meter(string, ...metric.MeterOption) metric.Meter { return refusingMeter{} }

type refusingMeter struct{ noop.Meter }

var errRefused = errors.New("refused")

func (refusingMeter) Int64UpDownCounter(string, ...metric.Int64UpDownCounterOption) (metric.Int64UpDownCounter, error) {
	return nil, errRefused
}

func TestProviderFails(t *testing.T) {
	t.Parallel()
	if o, err := New(refusing{}); !errors.Is(err, errRefused) || o != nil {
		t.Errorf("New returned %v, %v", o, err)
	}
}

// TestDoc: the package's documentation has each instrument with its unit.
func TestDoc(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	m := newMeasured()
	o := newObserver(t, m)
	o.Looked(registrar.Lookup{Waited: 1})
	o.Requested(registrar.Request{Operation: registrar.OperationRead})
	o.Registered(status("a", registrar.StateRegistered))
	found := 0
	for _, instrument := range m.collect(t) {
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(strings.TrimPrefix(line, "//"))
			if len(fields) > 2 && fields[0] == instrument.Name && strings.Contains(line, " "+instrument.Unit) {
				found++
			}
		}
	}
	if found != 5 {
		t.Errorf("doc.go has %d of 5 instruments with their units", found)
	}
}

func BenchmarkLooked(b *testing.B) {
	o, err := New(newMeasured(), WithNames("orders"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		o.Looked(registrar.Lookup{Name: "orders"})
	}
}
