package registrartest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/rosterdns/roster/registrar"
)

func testSuperseded(t *testing.T, f *fixture) {
	old, young := f.client(t), f.client(t)
	register(t, old, service("orders", "a"))
	takeover := service("orders", "a")
	takeover.Instances[0].Weight = 9
	register(t, young, takeover)
	st := state(t, old, "a", registrar.StateSuperseded)
	wantErr(t, "status of the superseded", st.Err, registrar.ErrSuperseded)
	weight := func(want uint16) {
		t.Helper()
		eventually(t, func() string {
			if w := sees(t, young, "orders", "a").Instances[0].Weight; w != want {
				return fmt.Sprintf("weight is %d, want %d", w, want)
			}
			return ""
		})
	}
	weight(9)
	// The old one is silent, whatever is asked of it, and leaves the key alone.
	again := service("orders", "a")
	again.Instances[0].Weight = 5
	if err := old.Register(t.Context(), again); err != nil {
		t.Fatal(err)
	}
	state(t, old, "a", registrar.StateSuperseded)
	weight(9)
	// Once the ID is free the old one has it back, with its latest wish.
	unregister(t, young, service("orders", "a"))
	weight(5)
	state(t, old, "a", registrar.StateRegistered)
	// And an old process that ends doesn't take its successor along.
	register(t, young, takeover)
	state(t, old, "a", registrar.StateSuperseded)
	if err := old.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	weight(9)
	state(t, young, "a", registrar.StateRegistered)
}

func testStatic(t *testing.T, f *fixture) {
	c, reader := f.client(t), f.client(t)
	s := service("db", "a", "b")
	s.Instances[0].Static = true
	register(t, c, s)
	sees(t, reader, "db", "a", "b")
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	left := sees(t, reader, "db", "a")
	if !left.Instances[0].Static {
		t.Errorf("what is left is %+v", left.Instances[0])
	}
	// The same instance, registered anew under a lease and then statically.
	register(t, reader, service("db", "a"))
	register(t, reader, &registrar.Service{Name: "db", Instances: left.Clone().Instances})
	unregister(t, reader, service("db", "a"))
	misses(t, reader, "db")
}

func testClose(t *testing.T, f *fixture) {
	c, reader := f.client(t), f.client(t)
	register(t, c, service("orders", "a", "b"))
	sees(t, reader, "orders", "a", "b")
	sees(t, c, "orders", "a", "b")
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			start := time.Now()
			if err := c.Close(); err != nil {
				t.Errorf("Close: %v", err)
			}
			if took := time.Since(start); took > closeBound {
				t.Errorf("Close took %v, want at most %v", took, closeBound)
			}
		})
	}
	wg.Wait()
	misses(t, reader, "orders")
	misses(t, reader, "orders?status=any")
	wantErr(t, "Register", c.Register(t.Context(), service("orders", "a")), registrar.ErrClosed)
	wantErr(t, "Unregister", c.Unregister(t.Context(), service("orders", "a")), registrar.ErrClosed)
	wantErr(t, "Wait", c.Wait(t.Context()), registrar.ErrClosed)
	_, err := c.GetService(t.Context(), "orders")
	wantErr(t, "GetService", err, registrar.ErrClosed)
	_, err = c.List(t.Context(), "")
	wantErr(t, "List", err, registrar.ErrClosed)
	if st := c.Status(); st != nil {
		t.Errorf("Status is %+v, want nil", st)
	}
	wantErr(t, "Init", c.Init(t.Context()), registrar.ErrClosed)
}

func testInit(t *testing.T, f *fixture) {
	c := f.client(t)
	wantErr(t, "a second Init", c.Init(t.Context(), registrar.WithNamespace(f.namespace)), registrar.ErrInvalid)
	register(t, c, service("orders", "a")) // it goes on as it was
	if c.Name() == "" {
		t.Error("the driver has no name")
	}
}

func testList(t *testing.T, f *fixture) {
	c := f.client(t)
	list := func(namespace string) []string {
		t.Helper()
		names, err := c.List(t.Context(), namespace)
		if err != nil {
			t.Fatalf("List(%q): %v", namespace, err)
		}
		return names
	}
	if names := list(f.namespace); len(names) != 0 {
		t.Errorf("an empty namespace has %q", names)
	}
	for _, name := range []string{"orders", "billing", "cart"} {
		s := service(name, "a", "b")
		s.Instances[0].Status = "down"
		register(t, c, s)
	}
	other := service("orders", "a")
	other.Namespace = f.namespace + "x"
	register(t, c, other)
	if names := list(f.namespace); !slices.Equal(names, []string{"billing", "cart", "orders"}) {
		t.Errorf("List has %q", names)
	}
	all := list("")
	if !slices.IsSorted(all) {
		t.Errorf("List of all is not in order: %q", all)
	}
	for _, name := range []string{f.namespace + "/billing", f.namespace + "/orders", f.namespace + "x/orders"} {
		if !slices.Contains(all, name) {
			t.Errorf("List of all lacks %q: %q", name, all)
		}
	}
	_, err := c.List(t.Context(), "a/b")
	wantErr(t, "List of a bad namespace", err, registrar.ErrInvalid)
}

func testWait(t *testing.T, f *fixture) {
	c, rival := f.client(t), f.client(t)
	if err := c.Wait(t.Context()); err != nil {
		t.Errorf("Wait without wishes: %v", err)
	}
	register(t, c, service("orders", "a", "b"))
	register(t, rival, service("orders", "a"))
	state(t, c, "a", registrar.StateSuperseded)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := c.Wait(ctx)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, registrar.ErrSuperseded) {
		t.Errorf("Wait: %v, want context.Canceled and ErrSuperseded", err)
	}
	done := make(chan error, 1)
	go func() { done <- c.Wait(t.Context()) }()
	unregister(t, rival, service("orders", "a"))
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("Wait: %v", err)
		}
	case <-time.After(deadline):
		t.Error("Wait doesn't see that the ID is free")
	}
}

func testConcurrency(t *testing.T, f *fixture) {
	c, reader := f.client(t), f.client(t)
	var want []string
	var wg sync.WaitGroup
	for n := range 8 {
		id := fmt.Sprintf("i%d", n)
		want = append(want, id)
		wg.Go(func() {
			for round := range 10 {
				s := service("orders", id)
				s.Instances[0].Weight = uint16(round + 1)
				if err := c.Register(t.Context(), s); err != nil {
					t.Errorf("Register: %v", err)
				}
				_, err := reader.GetService(t.Context(), "orders")
				if err != nil && !errors.Is(err, registrar.ErrNotFound) && !errors.Is(err, registrar.ErrUnavailable) {
					t.Errorf("GetService: %v", err) // ErrUnavailable: a log-in can take longer than the first call waits
				}
				c.Status()
				if round%3 == 0 {
					if err := c.Unregister(t.Context(), service("orders", id)); err != nil {
						t.Errorf("Unregister: %v", err)
					}
				}
			}
			if err := c.Register(t.Context(), service("orders", id)); err != nil {
				t.Errorf("Register: %v", err)
			}
		})
	}
	wg.Wait()
	eventually(t, func() string {
		for _, in := range sees(t, reader, "orders", want...).Instances {
			if in.Weight != 100 {
				return fmt.Sprintf("instance %q has the weight %d of a former round", in.ID, in.Weight)
			}
		}
		return ""
	})
}
