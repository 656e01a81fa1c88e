package reader

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
)

// TestSelectorsWithoutEnd asks for a service by ever new names: what is remembered is
// bounded, and answers are the same beyond that. A Watch of such a name is told of nothing
// that hasn't changed.
func TestSelectorsWithoutEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", `{"addresses":["10.0.0.1"],"static":true,"tags":["t7","t7000"]}`)
		for i := range 10 * maxFurther {
			want := "not found"
			if i == 7 || i == 7000 {
				want = "10.0.0.1"
			}
			wantAddresses(t, w.client, fmt.Sprintf("orders?tag=t%d", i), want)
		}
		if names, _, _ := remembered(w.client); names != 1+maxFurther {
			t.Errorf("%d names are remembered, want %d", names, 1+maxFurther)
		}
		watched := &watch{loop: newLoop(w.client.Reader), name: "orders?tag=t7000"}
		defer watched.release()
		first, err := watched.look(t.Context(), true)
		again, _ := watched.look(t.Context(), false)
		if err != nil || first != again || len(first.Instances) != 1 {
			t.Errorf("a Watch shows %+v, then %+v, %v", first, again, err)
		}
		time.Sleep(3 * sweepEvery)
		wantAddresses(t, w.client, "orders?tag=t7000", "10.0.0.1")
		if names, _, _ := remembered(w.client); names != 1 || w.client.subscriptions.names.further != 0 {
			t.Errorf("%d names are remembered, want the one that was asked for last", names)
		}
		shared, _ := w.client.GetService(t.Context(), "orders?tag=t7000")
		if s, err := w.client.GetService(t.Context(), "orders?tag=t7000"); s != shared {
			t.Errorf("a name that is remembered again has no result to share: %v", err)
		}
	})
}

// TestMissingServicesWithoutEnd asks a namespace that is followed as a whole for services
// that don't exist: they are not remembered.
func TestMissingServicesWithoutEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", instance("10.0.0.1"))
		for i := range maxSingly + 1 {
			wantAddresses(t, w.client, fmt.Sprintf("first%d", i), "not found")
		}
		synctest.Wait()
		for i := range 20_000 {
			wantAddresses(t, w.client, fmt.Sprintf("missing%d", i), "not found")
		}
		if names, _, _ := remembered(w.client); names != maxSingly+1 || w.client.subscriptions.services != maxSingly+1 {
			t.Errorf("%d names and %d services are remembered, want %d", names, w.client.subscriptions.services, maxSingly+1)
		}
		w.write("default/missing7/a", instance("10.0.0.7"))
		wantAddresses(t, w.client, "missing7", "10.0.0.7")
		w.SetState(faulty.Hung)
		time.Sleep(time.Minute)
		wantAddresses(t, w.client, "missing8", "not found")
		if s, err := w.client.GetService(t.Context(), "orders"); err != nil || !s.Stale {
			t.Errorf("a service that nobody has asked for, while etcd is away: %+v, %v", s, err)
		}
		_ = w.client.Close()
		if _, err := w.client.GetService(t.Context(), "missing9"); !errors.Is(err, registrar.ErrClosed) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// TestRepeatedAnswers says when an answer is repeated without a look at what it was made
// of: while nothing has changed, and all that it depends on is live.
func TestRepeatedAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.write("default/orders/a", instance("10.0.0.1"))
		w.write("default/shop/_policy", `{"alias":"default/orders","failover":["eu/orders"]}`)
		repeats := func(name string, want bool) {
			t.Helper()
			s, err := w.client.subject(name)
			if err != nil {
				t.Fatal(err)
			}
			if got := w.client.waiter.repeated(s) != nil; got != want {
				t.Errorf("%s is repeated: %v, want %v", name, got, want)
			}
		}
		names := []string{"orders", "shop", "shop?status=any", "missing"}
		get := func() {
			synctest.Wait()
			for _, name := range names {
				_, _ = w.client.GetService(t.Context(), name)
			}
		}
		get()
		get() // the range of a failover was followed by the first
		for _, name := range names {
			repeats(name, true)
		}
		w.write("default/orders/b", instance("10.0.0.2"))
		for _, name := range names {
			repeats(name, false)
		}
		wantAddresses(t, w.client, "shop", "10.0.0.1 10.0.0.2")
		repeats("shop", true)
		w.write("default/shop/_policy", `{"alias":"us/orders","failover":["default/orders"]}`)
		w.write("us/orders/u", instance("10.0.0.3"))
		wantAddresses(t, w.client, "shop", "10.0.0.3")
		get()
		repeats("shop", true)
		w.SetState(faulty.Hung)
		time.Sleep(time.Minute)
		for _, name := range names {
			repeats(name, false)
		}
	})
}
