package roster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/mirror"
)

// TestPoolKey checks what makes two directives read the same replica.
func TestPoolKey(t *testing.T) {
	t.Parallel()
	key := func(properties string) string {
		cfg, err := parseBlock("roster {\n" + properties + "\n}")
		if err != nil {
			t.Fatal(err)
		}
		return cfg.registry.key()
	}
	for _, same := range [][2]string{
		{"", "endpoint http://127.0.0.1:2379"},
		{"prefix /roster", "prefix roster/"},
		{"namespaces a b", "namespaces b a b"},
		{"ttl 5", "ttl 6\nmin_ttl 1\nfallthrough\nns ns.example.org\nstartup_timeout 1s"},
		{"endpoint https://a:1", "endpoint https://a:1\ntls"},
	} {
		if key(same[0]) != key(same[1]) {
			t.Errorf("%q and %q read different replicas", same[0], same[1])
		}
	}
	different := []string{
		"", "endpoint http://a:1", "endpoint http://a:1 http://b:1", "prefix /other", "namespaces a", "namespaces a b",
		"credentials root a", "credentials root b", "credentials other a",
	}
	seen := map[string]string{}
	for _, properties := range different {
		if other, twice := seen[key(properties)]; twice {
			t.Errorf("%q and %q read the same replica", properties, other)
		}
		seen[key(properties)] = properties
	}
	a := registryConfig{etcd: etcdclient.Config{Files: &etcdclient.TLSFiles{Cert: "x"}}}
	b := registryConfig{etcd: etcdclient.Config{Files: &etcdclient.TLSFiles{Key: "x"}}}
	if a.key() == b.key() {
		t.Error("a certificate and a key of the same name read the same replica")
	}
}

// TestRanges checks that namespaces are read one by one, and nothing else.
func TestRanges(t *testing.T) {
	t.Parallel()
	c := registryConfig{prefix: "/roster"}
	if got := fmt.Sprintf("%q", c.ranges()); got != `[""]` {
		t.Error(got)
	}
	c.namespaces = []string{"a", "b"}
	if got := fmt.Sprintf("%q", c.ranges()); got != `["a/" "b/"]` {
		t.Error(got)
	}
}

// TestLogOfReplicas checks that a key that is skipped is in the log whole, so that
// the lines of two replicas can be told apart, and no more than once a minute.
func TestLogOfReplicas(t *testing.T) {
	log := logged(t)
	endpoint := closedPort(t)
	for _, c := range []registryConfig{
		{prefix: "/roster"}, {prefix: "/shop/eu", namespaces: []string{"a", "b"}},
	} {
		c.etcd.Endpoints = []string{endpoint}
		m := opened(t, &c)
		for revision := range int64(3) {
			apply(m.Store(), 8+revision, mirror.Event{Key: "a/s/i", Value: []byte("{"), ModRevision: 7 + revision, Lease: 1})
		}
		end(t, m)
	}
	for _, want := range []string{
		fmt.Sprintf(` endpoint=%q prefix="/roster" key="a/s/i" revision=7 `, endpoint),
		fmt.Sprintf(` endpoint=%q namespaces="a,b" prefix="/shop/eu" key="a/s/i" revision=7 `, endpoint),
	} {
		if l := lines(log, "[WARNING] plugin/roster: skipped a key", want); len(l) != 1 {
			t.Errorf("%d lines with %s:\n%s", len(l), want, log)
		}
	}
	if l := lines(log, "skipped a key"); len(l) != 2 {
		t.Errorf("%d lines, want one for each key: %q", len(l), l)
	}
}

// TestLastError checks that a replica says why there is no contact.
func TestLastError(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	m := opened(t, &registryConfig{etcd: etcdclient.Config{Endpoints: []string{"http://" + address}}, prefix: "/roster"})
	defer end(t, m)
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	for m.LastError() == nil {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatal("no reason given")
		}
	}
	if err := m.LastError(); !strings.Contains(err.Error(), address) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v", err)
	}
}

// TestScrapeBesideSlowDisk: metrics show while a replica that ends waits for the
// disk, which here is one that never says that it has released the file.
func TestScrapeBesideSlowDisk(t *testing.T) {
	t.Parallel()
	p := newPool(logger)
	m := plantIn(t, p, closedPort(t), shop)
	other := plantIn(t, p, closedPort(t), shop)
	defer end(t, other)
	p.mu.Lock()
	m.users = 1
	p.mu.Unlock()
	closing, disk := make(chan struct{}), make(chan struct{})
	m.close = func(ctx context.Context) error {
		close(closing)
		<-disk
		return m.Replica.Close(ctx)
	}
	var wg sync.WaitGroup
	wg.Go(func() { p.release(context.Background(), m.config) })
	defer wg.Wait()
	defer close(disk)
	<-closing
	scraped := make(chan int)
	wg.Go(func() { scraped <- len(p.all()) })
	select {
	case n := <-scraped:
		if n != 1 {
			t.Errorf("%d replicas, want the one that stays", n)
		}
	case <-time.After(deadline):
		t.Error("the scrape waits for the disk")
		wg.Go(func() { <-scraped })
	}
}
