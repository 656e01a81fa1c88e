package roster

import (
	"path/filepath"
	"testing"

	"github.com/rosterdns/roster/internal/memkv/faulty"
)

// TestPolicyOutsideNamespaces: a service outside the namespaces answers nobody, which
// the log tells once, also of a policy that comes from the snapshot.
func TestPolicyOutsideNamespaces(t *testing.T) {
	log := logged(t)
	etcd := faulty.New()
	etcd.Put("/roster/default/shop/_policy", `{"alias":"default/web","failover":["other/web"]}`, 0)
	etcd.Put("/roster/other/web/a", `{"addresses":["10.0.0.1"],"static":true}`, 0)
	c := away(t, filepath.Join(t.TempDir(), "snapshot"), "default")
	m := plantEtcd(t, newPool(logger), c, etcd)
	synced(t, m)
	const text = "policy names services outside the configured namespaces"
	wantLines := func(want int) {
		t.Helper()
		if l := lines(log, text, `prefix="/roster"`, `namespaces="default"`, `key="default/shop/_policy"`, `targets="other/web"`); len(l) != want {
			t.Errorf("logged %d times, want %d: %s", len(l), want, log)
		}
	}
	wantLines(1)
	if other := m.Load().Service("other", "web"); other != nil {
		t.Errorf("%v is followed", other)
	}
	end(t, m)

	m = plantEtcd(t, newPool(logger), c, etcd)
	defer end(t, m)
	changes := m.Subscribe()
	etcd.Put("/roster/default/new/a", `{"addresses":["10.0.0.2"],"static":true}`, 0)
	for changes.Next(); m.Load().Service("default", "new") == nil; changes.Next() {
		<-changes.Changed()
	}
	wantLines(2) // by the snapshot, and not by the list again
}
