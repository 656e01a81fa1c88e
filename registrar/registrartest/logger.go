package registrartest

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// handler is a slog.Handler that calls back with each warning.
type handler struct{ warned func() }

var _ slog.Handler = handler{}

func (h handler) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func (h handler) Handle(context.Context, slog.Record) error {
	h.warned()
	return nil
}

func (h handler) WithAttrs([]slog.Attr) slog.Handler { return h }

func (h handler) WithGroup(string) slog.Handler { return h }

// testLogger has a log handler that uses the client, and then blocks: neither
// holds up the caller's main flow.
func testLogger(t *testing.T, f *fixture) {
	var c *registrar.Client
	opened, release := make(chan struct{}), make(chan struct{})
	warned := make(chan struct{})
	var once sync.Once
	c = f.open(t, registrar.WithNamespace(f.namespace), registrar.WithLogger(slog.New(handler{warned: func() {
		<-opened
		_ = c.Status()
		_, _ = c.GetService(context.Background(), "orders")
		_ = c.Register(context.Background(), service("logged", "x"))
		once.Do(func() { close(warned) })
		<-release
	}})))
	close(opened)
	defer func() {
		close(release)
		if err := c.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}()
	register(t, c, service("orders", "a"))
	other := f.client(t)
	takeover := service("orders", "a")
	takeover.Instances[0].Weight = 9
	register(t, other, takeover)
	select {
	case <-warned:
	case <-time.After(deadline):
		t.Fatal("the handler doesn't return from the client's methods, or nothing was logged")
	}
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		_ = c.Register(t.Context(), service("orders", "b"))
		_ = c.Status()
		_ = c.Unregister(t.Context(), service("orders", "c"))
		_, _ = c.GetService(t.Context(), "orders")
	}()
	select {
	case <-returned:
	case <-time.After(deadline):
		t.Fatal("a handler that blocks holds up the client's methods")
	}
	sees(t, other, "orders", "a", "b") // what was registered meanwhile is through
	state(t, c, "a", registrar.StateSuperseded)
}
