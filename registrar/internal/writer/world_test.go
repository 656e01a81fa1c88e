package writer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.uber.org/goleak"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/request"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	// round is longer than the longest pause before a next try.
	round = retryLimit + 100*time.Millisecond
	// ttl is the lease TTL of the tests.
	ttl = registrar.DefaultLeaseTTL
	// closeTime is what Close has.
	closeTime = 1800 * time.Millisecond

	root = "/roster/"
	keyA = root + "default/orders/a"
	keyB = root + "default/orders/b"
	// value is a static instance of somebody else's.
	value = `{"addresses":["10.0.0.9"],"static":true}`
)

// client is a writer with a mirror, as a driver has them.
type client struct {
	*Writer
	close func() error
}

// Register is Writer.Register of a service as a user hands it over.
func (c *client) Register(ctx context.Context, s *registrar.Service) error {
	prepared, err := request.Register(s, registrar.DefaultNamespace)
	if err != nil {
		return err
	}
	return c.Writer.Register(ctx, prepared)
}

// Unregister is Writer.Unregister of a service as a user hands it over.
func (c *client) Unregister(ctx context.Context, s *registrar.Service) error {
	target, ids, err := request.Target("unregistering", s, registrar.DefaultNamespace)
	if err != nil {
		return err
	}
	return c.Writer.Unregister(ctx, target, ids)
}

// Close closes the writer, then its mirror.
func (c *client) Close() error { return c.close() }

// world is an etcd in memory and a client of it, for tests under synctest.
type world struct {
	*faulty.Etcd
	client *client
	log    *logged
}

func newWorld(t *testing.T, opts ...func(*Config)) *world {
	t.Helper()
	w := &world{Etcd: faulty.New(), log: &logged{}}
	w.client = w.another(t, opts...)
	return w
}

// another returns one more client of the same etcd. Both are closed at the end.
func (w *world) another(tb testing.TB, opts ...func(*Config)) *client {
	tb.Helper()
	m := mirror.New(mirror.Config{Source: w.Etcd, Root: root, Log: slog.New(slog.NewTextHandler(w.log, nil)).With("mirror", true)})
	ctx, cancel := context.WithCancel(tb.Context())
	var running sync.WaitGroup
	running.Go(func() { m.Run(ctx) })
	cfg := Config{
		Backend: w.Etcd, Prefix: strings.TrimSuffix(root, "/"), TTL: ttl, Log: slog.New(slog.NewTextHandler(w.log, nil)),
		Follow: func(rng string, view mirror.View) func() {
			r := m.Follow(rng, view)
			return func() { m.Unfollow(r, false) }
		},
	}
	for _, opt := range opts {
		opt(&cfg)
	}
	c := &client{Writer: New(cfg)}
	c.close = sync.OnceValue(func() error {
		err := c.Writer.Close(time.Now().Add(closeTime))
		cancel()
		running.Wait()
		return err
	})
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

func withTTL(ttl time.Duration) func(*Config) { return func(cfg *Config) { cfg.TTL = ttl } }

func leaveOnClose(cfg *Config) { cfg.LeaveOnClose = true }

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

// leaseOf returns the lease of a key; -1 if there is no such key.
func (w *world) leaseOf(key string) int64 {
	kv := w.Get(key)
	if kv == nil {
		return -1
	}
	return kv.Lease
}

// last returns the last n events, as "put VALUE" and "delete".
func (w *world) last(n int) []string {
	var out []string
	events := w.Events(0)
	for _, ev := range events[max(len(events)-n, 0):] {
		if ev.Type == mvccpb.Event_PUT {
			out = append(out, "put "+string(ev.Kv.Value))
		} else {
			out = append(out, "delete")
		}
	}
	return out
}

// statusOf returns the status of an instance; the zero value if there is none.
func statusOf(c *client, id string) registrar.InstanceStatus {
	for _, st := range c.Status() {
		if st.ID == id {
			return st
		}
	}
	return registrar.InstanceStatus{}
}

// wantState checks an instance's state, and its error by errors.Is.
func wantState(t *testing.T, c *client, id string, state registrar.State, target error) {
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
