package registrar_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/registrar"
)

func TestMain(m *testing.M) {
	registrar.RegisterDriver("bare", func() registrar.Registry { return &bare{} })
	registrar.RegisterDriver("failing", func() registrar.Registry { return &failing{} })
	goleak.VerifyTestMain(m)
}

// bare is a driver with nothing but a Registry's methods.
type bare struct{ initialized int }

func (b *bare) Name() string { return "bare" }
func (b *bare) Init(context.Context, ...registrar.Option) error {
	b.initialized++
	return nil
}
func (b *bare) Register(context.Context, *registrar.Service) error   { return nil }
func (b *bare) Unregister(context.Context, *registrar.Service) error { return nil }
func (b *bare) GetService(context.Context, string) (*registrar.Service, error) {
	return nil, registrar.ErrNotFound
}

// failing is a driver whose Init fails.
type failing struct{ bare }

func (f *failing) Init(context.Context, ...registrar.Option) error { return registrar.ErrInvalid }

func TestOpen(t *testing.T) {
	t.Parallel()
	c, err := registrar.Open(t.Context(), "bare")
	if err != nil || c.Name() != "bare" || c.Registry.(*bare).initialized != 1 {
		t.Fatalf("Open: %+v, %v", c, err)
	}
	if c, err := registrar.Open(t.Context(), "failing"); c != nil || !errors.Is(err, registrar.ErrInvalid) {
		t.Errorf("Open of a driver that fails: %v, %v", c, err)
	}

	if c, err := registrar.Open(t.Context(), "Bare"); c != nil || !errors.Is(err, registrar.ErrInvalid) || !strings.Contains(err.Error(), "bare, ") {
		t.Errorf("Open of an unknown driver: %v, %v, want ErrInvalid with the registered ones", c, err)
	}

	// What the driver lacks says so.
	_, listErr := c.List(t.Context(), "")
	var watchErr error
	for s, err := range c.Watch(t.Context(), "orders") {
		if watchErr = err; s != nil {
			t.Errorf("Watch yielded %+v", s)
		}
	}
	var watchListErr error
	for names, err := range c.WatchList(t.Context(), "") {
		if watchListErr = err; names != nil {
			t.Errorf("WatchList yielded %q", names)
		}
	}
	for name, err := range map[string]error{
		"Close": c.Close(), "Wait": c.Wait(t.Context()), "List": listErr, "Watch": watchErr, "WatchList": watchListErr,
		"Drain": c.Drain(t.Context(), &registrar.Service{}, ""), "Undrain": c.Undrain(t.Context(), &registrar.Service{}),
	} {
		if !errors.Is(err, registrar.ErrUnsupported) || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), "bare") {
			t.Errorf("%s: %v, want ErrUnsupported", name, err)
		}
	}
	if st := c.Status(); st != nil {
		t.Errorf("Status: %v", st)
	}
}

func TestRegisterDriverPanics(t *testing.T) {
	t.Parallel()
	panics := func(name string, new func() registrar.Registry) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("RegisterDriver(%q) did not panic", name)
			}
		}()
		registrar.RegisterDriver(name, new)
	}
	panics("nil", nil)
	panics("bare", func() registrar.Registry { return &bare{} })
}
