package prometheus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	prom "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/rosterdns/roster/registrar"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newObserver(t *testing.T, registerer prom.Registerer, opts ...Option) *Observer {
	t.Helper()
	o, err := New(registerer, opts...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// wantMetrics compares the lines of metrics that aren't 0, comments and buckets left out.
func wantMetrics(t *testing.T, gatherer prom.Gatherer, names []string, want ...string) {
	t.Helper()
	families, err := gatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, family := range families {
		for _, m := range family.Metric {
			var labels []string
			for _, l := range m.Label {
				if l.GetValue() != "" {
					labels = append(labels, l.GetName()+"="+l.GetValue())
				}
			}
			value := m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			if value != 0 && slices.Contains(names, family.GetName()) {
				got = append(got, fmt.Sprintf("%s %s %v", family.GetName(), strings.Join(labels, ","), value))
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

var lookupNames = []string{"roster_client_lookups_total", "roster_client_lookup_wait_seconds"}

func TestLookups(t *testing.T) {
	t.Parallel()
	reg := prom.NewPedanticRegistry()
	o := newObserver(t, reg, WithNames("orders"))
	wrapped := func(err error) error { return fmt.Errorf("reading: %w", err) }
	for _, l := range []registrar.Lookup{
		{Name: "orders"},
		{Name: "orders", Stale: true},
		{Name: "orders", Err: wrapped(registrar.ErrNotFound), Waited: time.Millisecond},
		{Name: "orders?tag=x"},
		{Name: "prod/orders"},
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
	wantMetrics(t, reg, lookupNames,
		"roster_client_lookups_total name=orders,result=ok 1",
		"roster_client_lookups_total name=orders,result=stale 1",
		"roster_client_lookups_total name=orders,result=not_found 1",
		"roster_client_lookups_total result=ok 2",
		"roster_client_lookups_total result=unavailable 2",
		"roster_client_lookups_total result=canceled 2",
		"roster_client_lookups_total result=permission 1",
		"roster_client_lookups_total result=invalid 1",
		"roster_client_lookups_total result=closed 1",
		"roster_client_lookups_total result=other 1",
		"roster_client_lookup_wait_seconds  3",
	)
}

// TestNamesAreBounded: names that nobody listed make no time series.
func TestNamesAreBounded(t *testing.T) {
	t.Parallel()
	reg := prom.NewPedanticRegistry()
	o := newObserver(t, reg, WithNames("orders"))
	before := testutil.CollectAndCount(o.metrics)
	for i := range 1000 {
		name := fmt.Sprintf("orders?tag=t%d", i)
		o.Looked(registrar.Lookup{Name: name})
		o.Looked(registrar.Lookup{Name: name, Err: fmt.Errorf("%w: %s", registrar.ErrNotFound, name)})
	}
	if after := testutil.CollectAndCount(o.metrics); after != before {
		t.Errorf("%d time series became %d", before, after)
	}
}

func TestRequests(t *testing.T) {
	t.Parallel()
	reg := prom.NewPedanticRegistry()
	o := newObserver(t, reg)
	o.Requested(registrar.Request{Operation: registrar.OperationRead, Duration: 2 * time.Millisecond})
	o.Requested(registrar.Request{Operation: registrar.OperationWrite, Duration: time.Second, Err: registrar.ErrUnavailable})
	o.Requested(registrar.Request{Operation: registrar.OperationWrite, Err: fmt.Errorf("%w: %w", context.Canceled, registrar.ErrUnavailable)})
	wantMetrics(t, reg, []string{"roster_client_request_duration_seconds"},
		"roster_client_request_duration_seconds operation=read,result=ok 1",
		"roster_client_request_duration_seconds operation=write,result=unavailable 1",
		"roster_client_request_duration_seconds operation=write,result=canceled 1",
	)
}

var gaugeNames = []string{"roster_client_registrations", "roster_clients"}

func status(id string, state registrar.State) registrar.InstanceStatus {
	return registrar.InstanceStatus{Namespace: "default", Service: "orders", ID: id, State: state}
}

func TestGauges(t *testing.T) {
	t.Parallel()
	reg := prom.NewPedanticRegistry()
	o := newObserver(t, reg)
	wantMetrics(t, reg, gaugeNames, "roster_clients contact=none 1")
	o.Contacted(true)
	o.Registered(status("a", registrar.StatePending))
	o.Registered(status("b", registrar.StatePending))
	o.Registered(status("a", registrar.StateRegistered))
	o.Registered(status("a", registrar.StateRegistered)) // its error has come, or gone
	wantMetrics(t, reg, gaugeNames,
		"roster_clients contact=made 1",
		"roster_client_registrations state=pending 1",
		"roster_client_registrations state=registered 1",
	)
	o.Contacted(false)
	o.Registered(status("b", registrar.StateFailed))
	o.Registered(status("a", registrar.StateUnregistering))
	o.Registered(status("a", ""))
	o.Registered(status("never there", ""))
	wantMetrics(t, reg, gaugeNames, "roster_clients contact=lost 1", "roster_client_registrations state=failed 1")
	o.Close()
	o.Close()
	wantMetrics(t, reg, gaugeNames)
}

// TestTwoClients: observers with one Registerer add up, whatever their options.
func TestTwoClients(t *testing.T) {
	t.Parallel()
	reg := prom.NewPedanticRegistry()
	a, b := newObserver(t, reg), newObserver(t, reg, WithNames("orders"))
	for _, o := range []*Observer{a, b} {
		o.Looked(registrar.Lookup{Name: "orders"})
		o.Registered(status("a", registrar.StateRegistered))
	}
	a.Contacted(true)
	names := append([]string{"roster_client_lookups_total"}, gaugeNames...)
	wantMetrics(t, reg, names,
		"roster_client_lookups_total result=ok 1",
		"roster_client_lookups_total name=orders,result=ok 1",
		"roster_client_registrations state=registered 2",
		"roster_clients contact=made 1",
		"roster_clients contact=none 1",
	)
	a.Close()
	wantMetrics(t, reg, gaugeNames, "roster_client_registrations state=registered 1", "roster_clients contact=none 1")
}

// TestWrappedRegisterer: clients are told apart by a label, and share what they have
// under the same one.
func TestWrappedRegisterer(t *testing.T) {
	t.Parallel()
	reg := prom.NewPedanticRegistry()
	for _, name := range []string{"a", "b", "b"} {
		newObserver(t, prom.WrapRegistererWith(prom.Labels{"client": name}, prom.WrapRegistererWithPrefix("shop_", reg)))
	}
	wantMetrics(t, reg, []string{"shop_roster_clients"},
		"shop_roster_clients client=a,contact=none 1", "shop_roster_clients client=b,contact=none 2")
}

// TestConflict: a name that somebody else has is an error, and nothing is registered.
func TestConflict(t *testing.T) {
	t.Parallel()
	reg := prom.NewPedanticRegistry()
	reg.MustRegister(prom.NewGauge(prom.GaugeOpts{Name: "roster_clients", Help: "Another's."}))
	if o, err := New(reg); err == nil || o != nil || !strings.Contains(err.Error(), "roster_clients") {
		t.Errorf("New returned %v, %v", o, err)
	}
	if n, err := testutil.GatherAndCount(reg); err != nil || n != 1 {
		t.Errorf("%d metrics, %v", n, err)
	}
}

func TestLint(t *testing.T) {
	t.Parallel()
	reg := prom.NewPedanticRegistry()
	o := newObserver(t, reg)
	o.Requested(registrar.Request{Operation: registrar.OperationRead})
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Errorf("promlint: %v, %v", problems, err)
	}
}

// TestDoc: the package's documentation, alerts included, has each metric and no other.
func TestDoc(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, name := range regexp.MustCompile(`\broster_[a-z_]+`).FindAllString(string(text), -1) {
		documented[strings.TrimSuffix(name, "_count")] = true
	}
	reg := prom.NewPedanticRegistry()
	newObserver(t, reg).Requested(registrar.Request{Operation: registrar.OperationRead})
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if !documented[family.GetName()] {
			t.Errorf("doc.go lacks %s", family.GetName())
		}
		delete(documented, family.GetName())
	}
	for name := range documented {
		t.Errorf("doc.go has %s, which isn't there", name)
	}
}

func BenchmarkLooked(b *testing.B) {
	o, err := New(prom.NewRegistry(), WithNames("orders"))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		o.Looked(registrar.Lookup{Name: "orders"})
	}
}
