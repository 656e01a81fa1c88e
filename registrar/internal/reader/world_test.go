package reader

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/replica"
	"github.com/rosterdns/roster/registrar"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	// round is longer than the longest pause before a next try.
	round = retryLimit + 100*time.Millisecond
	root  = "/roster/"
	// value is a static instance.
	value = `{"addresses":["10.0.0.9"],"static":true}`
)

// client is a reader with a replica, as a driver has them.
type client struct {
	*Reader
	*Lister
	close func()
}

// GetService is Reader.Get.
func (c *client) GetService(ctx context.Context, name string) (*registrar.Service, error) {
	return c.Get(ctx, name)
}

// Close closes the reader, then its replica.
func (c *client) Close() error {
	c.close()
	return nil
}

// world is an etcd in memory and a client of it, for tests under synctest.
type world struct {
	*faulty.Etcd
	client *client
	log    *logged
}

func newWorld(tb testing.TB, opts ...func(*replica.Config)) *world {
	tb.Helper()
	w := &world{Etcd: faulty.New(), log: &logged{}}
	w.client = w.another(tb, opts...)
	return w
}

// another returns one more client of the same etcd. Both are closed at the end.
func (w *world) another(tb testing.TB, opts ...func(*replica.Config)) *client {
	tb.Helper()
	cfg := replica.Config{Source: w.Etcd, Prefix: strings.TrimSuffix(root, "/"), Log: slog.New(slog.NewTextHandler(w.log, nil))}
	for _, opt := range opts {
		opt(&cfg)
	}
	var opened *replica.Replica
	r := New(Config{Namespace: registrar.DefaultNamespace, Open: func() Replica {
		var err error
		if opened, err = replica.Open(cfg); err != nil {
			tb.Fatal(err)
		}
		return opened
	}})
	cfg.Observer = r.Observer()
	c := &client{Reader: r, Lister: &Lister{Source: w.Etcd, Prefix: cfg.Prefix, InContact: r.InContact, Closed: r.Closed()}}
	c.close = sync.OnceFunc(func() {
		r.Close()
		if opened != nil {
			_ = opened.Close(context.Background())
		}
	})
	tb.Cleanup(c.close)
	return c
}

func withSnapshot(path string) func(*replica.Config) {
	return func(cfg *replica.Config) { cfg.Snapshot = path }
}

func withPrefix(prefix string) func(*replica.Config) {
	return func(cfg *replica.Config) { cfg.Prefix = prefix }
}

// write writes a key as others do.
func (w *world) write(key, value string) {
	w.Put(root+key, value, 0)
	synctest.Wait()
}

// narrow returns those ranges that are of one service.
func narrow(ranges []string) []string {
	return slices.DeleteFunc(slices.Clone(ranges), func(r string) bool { return strings.Count(r, "/") < 4 })
}

// remembered returns how many names, namespaces and ranges the client has.
func remembered(c *client) (names, namespaces, ranges int) {
	c.subscriptions.mu.Lock()
	defer c.subscriptions.mu.Unlock()
	c.subscriptions.names.known.Range(func(any, any) bool { names++; return true })
	return names, len(c.subscriptions.namespaces), c.subscriptions.ranges
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
