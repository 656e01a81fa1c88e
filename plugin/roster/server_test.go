package roster

import (
	"bytes"
	"context"
	"fmt"
	golog "log"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/miekg/dns"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/replica"
)

// deadline ends tests that hang: what they wait for takes milliseconds.
const deadline = time.Minute

// server is a CoreDNS in this process. Tests with one are not parallel: they
// look at the pool and the log of the process.
type server struct {
	*caddy.Instance
}

// startServer starts a server that listens on free ports of 127.0.0.1, and stops
// it at the end of the test. PORT in the Corefile stands for a free one.
func startServer(t *testing.T, corefile string) *server {
	t.Helper()
	inst, err := caddy.Start(input(corefile))
	if err != nil {
		t.Fatal(err)
	}
	s := &server{inst}
	s.await(t)
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		for _, err := range s.ShutdownCallbacks() {
			t.Error(err)
		}
		s.Wait()
		if n := poolUsers(); len(n) != 0 {
			t.Errorf("replicas are left when all servers are gone: %v", n)
		}
	})
	return s
}

func input(corefile string) caddy.Input {
	return caddy.CaddyfileInput{Filepath: "Corefile", Contents: []byte(corefile), ServerTypeName: "dns"}
}

// reload puts a Corefile in the place of the server's.
func (s *server) reload(t *testing.T, corefile string) error {
	t.Helper()
	inst, err := s.Restart(input(corefile))
	s.Instance = inst
	s.await(t)
	return err
}

// await returns once all listeners answer: before, CoreDNS can't be stopped.
func (s *server) await(t *testing.T) {
	t.Helper()
	req := query(". SOA")
	req.Question[0].Qclass = dns.ClassCHAOS // refused before it reaches a plugin
	for _, l := range s.Servers() {
		for network, address := range map[string]string{"tcp": l.Addr().String(), "udp": l.LocalAddr().String()} {
			c := dns.Client{Net: network, Timeout: deadline}
			if _, _, err := c.Exchange(req, address); err != nil {
				t.Fatalf("%s doesn't answer over %s: %v", address, network, err)
			}
		}
	}
}

// ask asks the first listener over UDP.
func (s *server) ask(t *testing.T, question string) *dns.Msg {
	t.Helper()
	got, err := dns.Exchange(query(question), s.Servers()[0].LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// blocks returns what the Corefile's roster directives have in common.
func (s *server) blocks() *blocks { return s.Storage[storageKey{}].(*blocks) }

// poolUsers returns the number of users of each replica by its prefix.
func poolUsers() map[string]int {
	replicas.mu.Lock()
	defer replicas.mu.Unlock()
	users := map[string]int{}
	for _, m := range replicas.replicas {
		users[m.observer.prefix] += m.users
	}
	return users
}

// closedPort returns the URL of a port of 127.0.0.1 that nobody listens at.
func closedPort(t *testing.T) string {
	t.Helper()
	return "http://" + freeAddress(t)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return l.Addr().String()
}

// plant puts a replica with contents into the pool, for the servers that read the
// default prefix at the endpoint. The first that stops using it closes it.
func plant(t *testing.T, endpoint string, vs values) *shared {
	t.Helper()
	return plantIn(t, replicas, endpoint, vs)
}

func plantIn(t *testing.T, p *pool, endpoint string, vs values) *shared {
	t.Helper()
	etcd := faulty.New()
	var keys []*mvccpb.KeyValue
	for _, k := range slices.Sorted(maps.Keys(vs)) {
		keys = append(keys, &mvccpb.KeyValue{Key: []byte("/roster/" + k), Value: []byte(vs[k]), ModRevision: 7, Lease: 1})
	}
	etcd.Reset(keys, fixtureRevision)
	m := plantEtcd(t, p, &registryConfig{etcd: etcdclient.Config{Endpoints: []string{endpoint}}, prefix: "/roster"}, etcd)
	synced(t, m)
	return m
}

// plantEtcd puts a replica of an etcd in memory into a pool.
func plantEtcd(t *testing.T, p *pool, c *registryConfig, etcd mirror.Source) *shared {
	t.Helper()
	m := newShared(c, logger)
	cfg := c.replica()
	cfg.Source, cfg.Observer, cfg.Log = etcd, m.observer, m.log
	var err error
	if m.Replica, err = replica.Open(cfg); err != nil {
		t.Fatal(err)
	}
	m.close = m.Replica.Close
	p.mu.Lock()
	defer p.mu.Unlock()
	p.replicas[c.poolKey()] = m
	return m
}

// synced waits for a list.
func synced(t *testing.T, m *shared) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	if err := m.Wait(ctx); err != nil {
		t.Fatal(err)
	}
}

// end closes a replica that is in no pool.
func end(t *testing.T, m *shared) {
	t.Helper()
	if err := m.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// logged collects what is logged until the end of the test.
func logged(t *testing.T) fmt.Stringer {
	t.Helper()
	output.Flush(time.Now().Add(deadline)) // of the test before
	b := &syncBuffer{}
	before := golog.Writer()
	golog.SetOutput(b)
	t.Cleanup(func() {
		output.Flush(time.Now().Add(deadline))
		golog.SetOutput(before)
	})
	return b
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// lines returns the lines of a log that contain all of the texts.
func lines(log fmt.Stringer, texts ...string) []string {
	output.Flush(time.Now().Add(deadline))
	return slices.Collect(func(yield func(string) bool) {
		for line := range strings.Lines(log.String()) {
			if !slices.ContainsFunc(texts, func(s string) bool { return !strings.Contains(line, s) }) && !yield(line) {
				return
			}
		}
	})
}
