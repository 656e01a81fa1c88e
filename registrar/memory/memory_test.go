package memory_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/memory"
	"github.com/rosterdns/roster/registrar/registrartest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBehaviour(t *testing.T) {
	t.Parallel()
	store := memory.NewStore()
	registrartest.Run(t, func(t *testing.T, opts ...registrar.Option) *registrar.Client {
		t.Helper()
		return open(t, append([]registrar.Option{memory.WithStore(store)}, opts...)...)
	})
}

func open(t *testing.T, opts ...registrar.Option) *registrar.Client {
	t.Helper()
	c, err := registrar.Open(t.Context(), memory.Name, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

var orders = &registrar.Service{Name: "orders", Instances: []registrar.Instance{{
	ID: "a", Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")},
}}}

func TestClientsShareNothingByDefault(t *testing.T) {
	t.Parallel()
	a, b := open(t), open(t)
	if err := a.Register(t.Context(), orders); err != nil {
		t.Fatal(err)
	}
	if _, err := b.GetService(t.Context(), "orders"); !errors.Is(err, registrar.ErrNotFound) {
		t.Errorf("another client gets %v, want ErrNotFound", err)
	}
}

// TestWhatIsRegisteredIsFoundAtOnce: by all clients of the store.
func TestWhatIsRegisteredIsFoundAtOnce(t *testing.T) {
	t.Parallel()
	store := memory.NewStore()
	a, b := open(t, memory.WithStore(store)), open(t, memory.WithStore(store))
	for i := range 200 {
		s := orders.Clone()
		s.Instances[0].ID = fmt.Sprintf("i%d", i)
		if err := a.Register(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		for _, c := range []*registrar.Client{a, b} {
			if s, err := c.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != i+1 {
				t.Fatalf("after %d registrations: %v, %v", i+1, s, err)
			}
		}
	}
	if err := a.Unregister(t.Context(), &registrar.Service{Name: "orders"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.GetService(t.Context(), "orders"); !errors.Is(err, registrar.ErrNotFound) {
		t.Errorf("after Unregister: %v", err)
	}
}

func TestNoStore(t *testing.T) {
	t.Parallel()
	_, err := registrar.Open(t.Context(), memory.Name, memory.WithStore(nil))
	if !errors.Is(err, registrar.ErrInvalid) || !strings.Contains(err.Error(), "WithStore") {
		t.Errorf("Open: %v, want ErrInvalid", err)
	}
}

func TestLeaveOnClose(t *testing.T) {
	t.Parallel()
	store := memory.NewStore()
	a, b := open(t, memory.WithStore(store), memory.WithLeaveOnClose()), open(t, memory.WithStore(store))
	if err := a.Register(t.Context(), orders); err != nil {
		t.Fatal(err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err := b.GetService(t.Context(), "orders"); err != nil || len(s.Instances) != 1 {
		t.Errorf("after Close: %v, %v", s, err)
	}
}

func TestBeforeInit(t *testing.T) {
	t.Parallel()
	c := registrar.NewClient(memory.New())
	_, getErr := c.GetService(t.Context(), "orders")
	_, listErr := c.List(t.Context(), "")
	for name, err := range map[string]error{
		"Register": c.Register(t.Context(), orders), "Unregister": c.Unregister(t.Context(), orders),
		"GetService": getErr, "List": listErr, "Wait": c.Wait(t.Context()),
	} {
		if !errors.Is(err, registrar.ErrInvalid) || !strings.Contains(err.Error(), "Init") {
			t.Errorf("%s before Init: %v", name, err)
		}
	}
	if err := c.Close(); err != nil {
		t.Errorf("Close before Init: %v", err)
	}
	if err := c.Init(t.Context()); !errors.Is(err, registrar.ErrClosed) {
		t.Errorf("Init after Close: %v", err)
	}
}

func TestExists(t *testing.T) {
	t.Parallel()
	c := open(t)
	if err := c.Register(t.Context(), orders); err != nil {
		t.Fatal(err)
	}
	finder := c.Registry.(interface {
		Exists(ctx context.Context, namespace, service, id string) (bool, error)
	})
	for id, want := range map[string]bool{"a": true, "b": false} {
		if found, err := finder.Exists(t.Context(), "default", "orders", id); err != nil || found != want {
			t.Errorf("Exists(%q): %v, %v; want %v", id, found, err, want)
		}
	}
	if _, err := finder.Exists(t.Context(), "default", "orders", "A"); !errors.Is(err, registrar.ErrInvalid) {
		t.Errorf("Exists of a bad ID: %v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := finder.Exists(t.Context(), "default", "orders", "a"); !errors.Is(err, registrar.ErrClosed) {
		t.Errorf("Exists after Close: %v", err)
	}
}
