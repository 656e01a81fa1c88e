package otel

import (
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/memory"
)

func TestConcurrency(t *testing.T) {
	t.Parallel()
	m := newMeasured()
	o := newObserver(t, m)
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
	m.want(t, append(countNames, lookupNames...),
		"roster.client.lookups  1600",
		"roster.client.lookup.wait_time  1600",
		"roster.client.registration.count roster.client.registration.state=registered 8",
		"roster.client.count roster.client.contact=made 1",
	)
}

// TestClient has a client tell, through the loss of its registry and its end.
func TestClient(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, store := newMeasured(), memory.NewStore()
		o := newObserver(t, m)
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
		names := append([]string{"roster.client.lookups"}, countNames...)
		m.want(t, names, "roster.client.lookups  1",
			"roster.client.registration.count roster.client.registration.state=registered 1", "roster.client.count roster.client.contact=made 1")
		store.SetState(memory.Unavailable)
		time.Sleep(time.Minute) // of the test's own clock
		_, _ = client.GetService(t.Context(), "orders")
		m.want(t, names, "roster.client.lookups  1", "roster.client.lookups roster.lookup.stale=true 1",
			"roster.client.registration.count roster.client.registration.state=registered 1", "roster.client.count roster.client.contact=lost 1")
		store.SetState(memory.Up)
		time.Sleep(time.Minute)
		_ = client.Close()
		m.want(t, countNames, "roster.client.count roster.client.contact=made 1")
		o.Close()
		m.want(t, countNames)
	})
}
