package roster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/mirror"
)

// TestPoolKey checks what makes two directives read the same mirror.
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
			t.Errorf("%q and %q read different mirrors", same[0], same[1])
		}
	}
	different := []string{
		"", "endpoint http://a:1", "endpoint http://a:1 http://b:1", "prefix /other", "namespaces a", "namespaces a b",
		"credentials root a", "credentials root b", "credentials other a",
	}
	seen := map[string]string{}
	for _, properties := range different {
		if other, twice := seen[key(properties)]; twice {
			t.Errorf("%q and %q read the same mirror", properties, other)
		}
		seen[key(properties)] = properties
	}
	a := registryConfig{etcd: etcdclient.Config{Files: &etcdclient.TLSFiles{Cert: "x"}}}
	b := registryConfig{etcd: etcdclient.Config{Files: &etcdclient.TLSFiles{Key: "x"}}}
	if a.key() == b.key() {
		t.Error("a certificate and a key of the same name read the same mirror")
	}
}

// TestPrefixes checks that namespaces are read one by one, and nothing else.
func TestPrefixes(t *testing.T) {
	t.Parallel()
	c := registryConfig{prefix: "/roster"}
	if got := fmt.Sprint(c.prefixes()); got != "[/roster/]" {
		t.Error(got)
	}
	c.namespaces = []string{"a", "b"}
	if got := fmt.Sprint(c.prefixes()); got != "[/roster/a/ /roster/b/]" {
		t.Error(got)
	}
}

// TestWorstStatus checks that a registry of several mirrors is as good as the
// worst of them.
func TestWorstStatus(t *testing.T) {
	t.Parallel()
	newMirror := func() *mirror.Mirror {
		return mirror.New(mirror.Config{
			Source: fixedSource(nil), Root: "/roster/", Prefix: "/roster/a/", View: emptyStore(), Log: slog.New(slog.DiscardHandler),
		})
	}
	synced, other := newMirror(), newMirror()
	m := &mirrored{mirrors: []*mirror.Mirror{synced, other}}
	ctx := t.Context()
	m.wg.Go(func() { synced.Run(ctx) })
	t.Cleanup(m.wg.Wait) // after the context is done
	<-synced.Synced()
	if s := m.Status(); s.State != mirror.Unsynced || !s.Contact.IsZero() {
		t.Errorf("with one mirror that has no list: %+v", s)
	}
	m.wg.Go(func() { other.Run(ctx) })
	m.wait(ctx)
	if s := m.Status(); s.State != mirror.Live || s.Contact != synced.Status().Contact {
		t.Errorf("with both: %+v, want the contact of the first, %s", s, synced.Status().Contact.Format(time.RFC3339Nano))
	}
}

// TestLogOfMirrors checks that a key that is skipped is in the log whole, so that
// the lines of two mirrors can be told apart.
func TestLogOfMirrors(t *testing.T) {
	log := logged(t)
	endpoint := closedPort(t)
	for _, c := range []registryConfig{
		{prefix: "/roster"}, {prefix: "/shop/eu", namespaces: []string{"a", "b"}},
	} {
		c.etcd.Endpoints = []string{endpoint}
		m, err := startMirrored(&c, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		m.Apply(mirror.Batch{Revision: 8, Events: []mirror.Event{{Key: "a/s/i", Value: []byte("{"), ModRevision: 7, Lease: 1}}})
		m.stop()
	}
	for _, want := range []string{
		fmt.Sprintf(` endpoint=%q prefix="/roster" key="a/s/i" revision=7 `, endpoint),
		fmt.Sprintf(` endpoint=%q prefix="/shop/eu" namespaces="a,b" key="a/s/i" revision=7 `, endpoint),
	} {
		if l := lines(log, "[WARNING] plugin/roster: skipped a key", want); len(l) != 1 {
			t.Errorf("%d lines with %s:\n%s", len(l), want, log)
		}
	}
}

// TestTrouble checks that a registry says why there is no contact: with the words
// of whichever mirror has any, or else with those of the connection.
func TestTrouble(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	c := registryConfig{etcd: etcdclient.Config{Endpoints: []string{"http://" + address}}, prefix: "/roster"}
	m, err := startMirrored(&c, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	defer m.stop()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	for m.trouble() == nil {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatal("no reason given")
		}
	}
	if err := m.trouble(); !strings.Contains(err.Error(), address) || !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("got %v", err)
	}

	newMirror := func(src mirror.Source) *mirror.Mirror {
		return mirror.New(mirror.Config{Source: src, Root: "/roster/", Prefix: "/roster/", View: emptyStore(), Log: slog.New(slog.DiscardHandler)})
	}
	denied := errors.New("permission denied")
	two := &mirrored{mirrors: []*mirror.Mirror{newMirror(fixedSource(nil)), newMirror(failingSource{err: denied})}, conn: m.conn}
	two.wg.Go(func() { two.mirrors[0].Run(ctx) })
	two.wg.Go(func() { two.mirrors[1].Run(ctx) })
	defer two.wg.Wait()
	defer cancel()
	<-two.mirrors[0].Synced()
	for !errors.Is(two.trouble(), denied) {
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("got %v, want %v", two.trouble(), denied)
		}
	}
	if s := two.Status(); s.State != mirror.Unsynced || !errors.Is(s.Err, denied) {
		t.Errorf("status %+v", s)
	}
}

// failingSource is an etcd that can't be listed.
type failingSource struct {
	fixedSource
	err error
}

func (s failingSource) List(context.Context, string, int64, func([]*mvccpb.KeyValue) error) (mirror.Head, error) {
	return mirror.Head{}, s.err
}

// TestScrapeBesideSlowDisk: metrics show while a mirror that ends waits for the
// disk.
func TestScrapeBesideSlowDisk(t *testing.T) {
	t.Parallel()
	p := &pool{mirrors: map[string]*mirrored{}}
	m := plantIn(t, p, closedPort(t), shop)
	other := plantIn(t, p, closedPort(t), shop)
	defer other.stop()
	writing, disk := make(chan struct{}), make(chan struct{})
	m.endKeep = func() {
		close(writing)
		<-disk
	}
	m.users = 1
	var wg sync.WaitGroup
	wg.Go(func() { p.release(m.config) })
	defer wg.Wait()
	defer close(disk)
	<-writing
	scraped := make(chan int)
	wg.Go(func() { scraped <- len(p.all()) })
	select {
	case n := <-scraped:
		if n != 1 {
			t.Errorf("%d mirrors, want the one that stays", n)
		}
	case <-time.After(deadline):
		t.Error("the scrape waits for the disk")
		wg.Go(func() { <-scraped })
	}
}
