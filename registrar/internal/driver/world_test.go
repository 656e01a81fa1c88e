package driver

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/registrartest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestBehaviour runs the suite of all drivers over an etcd in memory; with a real
// etcd it runs in the module test.
func TestBehaviour(t *testing.T) {
	t.Parallel()
	etcd := faulty.New()
	registrartest.Run(t, func(t *testing.T, opts ...registrar.Option) *registrar.Client {
		t.Helper()
		return open(t, etcd, append([]registrar.Option{registrar.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
	})
}

// open returns a client of an etcd, and closes it at the end.
func open(t *testing.T, etcd *faulty.Etcd, opts ...registrar.Option) *registrar.Client {
	t.Helper()
	registry := New("test", func(*registrar.Options) (Etcd, error) { return Etcd{Source: etcd, Backend: etcd}, nil })
	if err := registry.Init(t.Context(), opts...); err != nil {
		t.Fatal(err)
	}
	c := registrar.NewClient(registry)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

const value = `{"addresses":["10.0.0.9"],"static":true}`

// world is an etcd in memory and a client of it, for tests under synctest.
type world struct {
	*faulty.Etcd
	client *registrar.Client
	log    *logged
}

func newWorld(t *testing.T, opts ...registrar.Option) *world {
	t.Helper()
	w := &world{Etcd: faulty.New(), log: &logged{}}
	w.client = open(t, w.Etcd, append([]registrar.Option{registrar.WithLogger(slog.New(slog.NewTextHandler(w.log, nil)))}, opts...)...)
	return w
}

// write writes a key as others do.
func (w *world) write(key, value string) {
	w.Put("/roster/"+key, value, 0)
	synctest.Wait()
}

func (w *world) register(t *testing.T, s *registrar.Service) {
	t.Helper()
	if err := w.client.Register(context.Background(), s); err != nil {
		t.Fatalf("Register: %v", err)
	}
}

func orders(ids ...string) *registrar.Service {
	s := &registrar.Service{Name: "orders"}
	for _, id := range ids {
		s.Instances = append(s.Instances, registrar.Instance{ID: id, Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")}})
	}
	return s
}

// statusOf returns the status of an instance; the zero value if there is none.
func statusOf(c *registrar.Client, id string) registrar.InstanceStatus {
	for _, st := range c.Status() {
		if st.ID == id {
			return st
		}
	}
	return registrar.InstanceStatus{}
}

// logged keeps what is logged.
type logged struct {
	mu sync.Mutex
	strings.Builder
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.Builder.Write(p)
}

// count returns how often a text was logged.
func (l *logged) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.Builder.String(), text)
}

func wantErr(t *testing.T, what string, err error, want ...error) {
	t.Helper()
	for _, target := range want {
		if !errors.Is(err, target) {
			t.Errorf("%s: %v, want %v", what, err, target)
		}
	}
}
