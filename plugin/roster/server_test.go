package roster

import (
	"bytes"
	"context"
	"fmt"
	golog "log"
	"log/slog"
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
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
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
			t.Errorf("mirrors are left when all servers are gone: %v", n)
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

// poolUsers returns the number of users of each mirror by its prefix.
func poolUsers() map[string]int {
	mirrors.changing.Lock()
	defer mirrors.changing.Unlock()
	users := map[string]int{}
	for _, m := range mirrors.mirrors {
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

var fixtureHead = mirror.Head{Revision: fixtureRevision}

// fixedSource is an etcd whose contents stay as they are.
type fixedSource []*mvccpb.KeyValue

func (s fixedSource) List(_ context.Context, _ string, _ int64, fn func([]*mvccpb.KeyValue) error) (mirror.Head, error) {
	return fixtureHead, fn(s)
}

func (s fixedSource) Trouble() error { return nil }

func (s fixedSource) Probe(context.Context, string) (mirror.Head, error) { return fixtureHead, nil }

func (s fixedSource) Census(context.Context, string, int64) (mirror.Census, error) {
	return mirror.Census{Head: fixtureHead, Keys: len(s)}, nil
}

func (s fixedSource) Watch(ctx context.Context, _ string, _ int64) (mirror.Watch, error) {
	w := quietWatch{make(chan clientv3.WatchResponse)}
	context.AfterFunc(ctx, func() { close(w.responses) })
	return w, nil
}

// quietWatch is a watch on which nothing happens.
type quietWatch struct{ responses chan clientv3.WatchResponse }

func (w quietWatch) Responses() <-chan clientv3.WatchResponse { return w.responses }
func (w quietWatch) Err() error                               { return nil }
func (w quietWatch) RequestProgress(context.Context) error    { return nil }
func (w quietWatch) Close()                                   {}

// plant puts a mirror with contents into the pool, for the servers that read the
// default prefix at the endpoint. The first that stops using it stops it.
func plant(t *testing.T, endpoint string, vs values) *mirrored {
	t.Helper()
	return plantIn(t, mirrors, endpoint, vs)
}

func plantIn(t *testing.T, p *pool, endpoint string, vs values) *mirrored {
	t.Helper()
	c := &registryConfig{etcd: etcdclient.Config{Endpoints: []string{endpoint}}, prefix: "/roster"}
	conn, err := etcdclient.New(c.etcd)
	if err != nil {
		t.Fatal(err)
	}
	var source fixedSource
	for _, k := range slices.Sorted(maps.Keys(vs)) {
		source = append(source, &mvccpb.KeyValue{Key: []byte("/roster/" + k), Value: []byte(vs[k]), ModRevision: 7, Lease: 1})
	}
	ctx, cancel := context.WithCancel(context.Background())
	logger := slog.New(slog.DiscardHandler)
	m := &mirrored{
		Store: services.New(logger, nil), config: c, observer: observer{endpoint: endpoint, prefix: "/roster"}, conn: conn, cancel: cancel,
	}
	one := mirror.New(mirror.Config{Source: source, Root: "/roster/", Prefix: "/roster/", View: m.Store, Observer: m.observer, Log: logger})
	m.mirrors = append(m.mirrors, one)
	m.wg.Go(func() { one.Run(ctx) })
	p.changing.Lock()
	defer p.changing.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mirrors[c.poolKey()] = m
	return m
}

// logged collects what is logged until the end of the test.
func logged(t *testing.T) fmt.Stringer {
	t.Helper()
	b := &syncBuffer{}
	before := golog.Writer()
	golog.SetOutput(b)
	t.Cleanup(func() { golog.SetOutput(before) })
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
	return slices.Collect(func(yield func(string) bool) {
		for line := range strings.Lines(log.String()) {
			if !slices.ContainsFunc(texts, func(s string) bool { return !strings.Contains(line, s) }) && !yield(line) {
				return
			}
		}
	})
}
