package roster

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

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
