package prometheus

import (
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	prom "github.com/prometheus/client_golang/prometheus"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/memory"
)

func TestConcurrency(t *testing.T) {
	t.Parallel()
	reg := prom.NewPedanticRegistry()
	o := newObserver(t, reg)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			id := fmt.Sprint(i)
			for range 200 {
				o.Looked(registrar.Lookup{Name: "orders", Waited: 1})
				o.Requested(registrar.Request{Operation: registrar.OperationRead})
				o.Contacted(i%2 == 0)
				o.Registered(status(id, registrar.StatePending))
				o.Registered(status(id, registrar.StateRegistered))
			}
		})
	}
	all.Wait()
	o.Contacted(true)
	wantMetrics(t, reg, append(gaugeNames, lookupNames...),
		"roster_client_lookups_total result=ok 1600",
		"roster_client_lookup_wait_seconds  1600",
		"roster_client_registrations state=registered 8",
		"roster_clients contact=made 1",
	)
}

// TestClient has a client tell, through the loss of its registry and its end.
func TestClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reg, store := prom.NewPedanticRegistry(), memory.NewStore()
		o := newObserver(t, reg)
		client, err := registrar.Open(t.Context(), memory.Name, memory.WithStore(store), registrar.WithObserver(o),
			registrar.WithLogger(slog.New(slog.DiscardHandler)))
		if err != nil {
			t.Fatal(err)
		}
		orders := &registrar.Service{Name: "orders", Instances: []registrar.Instance{{ID: "a", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")}}}}
		if err := client.Register(t.Context(), orders); err != nil {
			t.Fatal(err)
		}
		_, _ = client.GetService(t.Context(), "orders")
		names := append([]string{"roster_client_lookups_total"}, gaugeNames...)
		wantMetrics(t, reg, names,
			"roster_client_lookups_total result=ok 1", "roster_client_registrations state=registered 1", "roster_clients contact=made 1")
		store.SetState(memory.Unavailable)
		time.Sleep(time.Minute) // of the test's own clock
		_, _ = client.GetService(t.Context(), "orders")
		wantMetrics(t, reg, names,
			"roster_client_lookups_total result=ok 1", "roster_client_lookups_total result=stale 1",
			"roster_client_registrations state=registered 1", "roster_clients contact=lost 1")
		store.SetState(memory.Up)
		time.Sleep(time.Minute)
		_ = client.Close()
		wantMetrics(t, reg, gaugeNames, "roster_clients contact=made 1")
		o.Close()
		wantMetrics(t, reg, gaugeNames)
	})
}
