package etcd

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/internal/logqueue"
	"github.com/rosterdns/roster/registrar/registrartest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestBehaviour runs the suite of all drivers over the fake; with a real etcd it
// runs in the module test.
func TestBehaviour(t *testing.T) {
	t.Parallel()
	fake := newFakeEtcd()
	registrartest.Run(t, func(t *testing.T, opts ...registrar.Option) *registrar.Client {
		t.Helper()
		return fakeClient(t, &fakeSource{fakeEtcd: fake}, opts...)
	})
}

// fakeClient returns a client of the driver on a fake.
func fakeClient(t *testing.T, source *fakeSource, opts ...registrar.Option) *registrar.Client {
	t.Helper()
	o, err := registrar.NewOptions(append([]registrar.Option{registrar.WithLogger(slog.New(slog.DiscardHandler))}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return assembled(t, o, source)
}

// assembled returns a client as Init makes it.
func assembled(tb testing.TB, o *registrar.Options, source *fakeSource) *registrar.Client {
	tb.Helper()
	d := &driver{}
	log, logs := logqueue.New(o.Logger)
	o.Logger = log
	p := newParts(tb.Context(), o, source.fakeEtcd, source)
	p.logs = logs
	if err := d.assemble(p); err != nil {
		tb.Fatal(err)
	}
	return registrar.NewClient(d)
}

// world is a fake and a client of it, for tests under synctest.
type world struct {
	*fakeEtcd
	source *fakeSource
	client *registrar.Client
	log    *logged
}

func newWorld(t *testing.T, opts ...registrar.Option) *world {
	t.Helper()
	w := &world{fakeEtcd: newFakeEtcd(), log: &logged{}}
	w.source = &fakeSource{fakeEtcd: w.fakeEtcd}
	w.client = w.another(t, opts...)
	return w
}

// another returns one more client of the same fake. Both are closed at the end.
func (w *world) another(t *testing.T, opts ...registrar.Option) *registrar.Client {
	t.Helper()
	log := slog.New(slog.NewTextHandler(w.log, nil))
	c := fakeClient(t, w.source, append([]registrar.Option{registrar.WithLogger(log)}, opts...)...)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// logged keeps what is logged.
type logged struct {
	mu sync.Mutex
	strings.Builder
}

var _ io.Writer = (*logged)(nil)

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

const keyA = "/roster/default/orders/a"

func orders(ids ...string) *registrar.Service {
	s := &registrar.Service{Name: "orders"}
	for _, id := range ids {
		s.Instances = append(s.Instances, registrar.Instance{ID: id, Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")}})
	}
	return s
}

func static(s *registrar.Service) *registrar.Service {
	for i := range s.Instances {
		s.Instances[i].Static = true
	}
	return s
}

func (w *world) register(t *testing.T, s *registrar.Service) {
	t.Helper()
	if err := w.client.Register(context.Background(), s); err != nil {
		t.Fatalf("Register: %v", err)
	}
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

// wantState checks an instance's state, and its error by errors.Is.
func wantState(t *testing.T, c *registrar.Client, id string, state registrar.State, target error) {
	t.Helper()
	st := statusOf(c, id)
	if st.State != state || !isErr(st.Err, target) {
		t.Errorf("instance %q is %q with the error %v, want %q with %v", id, st.State, st.Err, state, target)
	}
}

// isErr is errors.Is, in which a nil target wants no error.
func isErr(err, target error) bool {
	if target == nil {
		return err == nil
	}
	return errors.Is(err, target)
}

// peek returns what fn sees of the fake, which it finds locked.
func peek[T any](w *world, fn func() T) T {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fn()
}
