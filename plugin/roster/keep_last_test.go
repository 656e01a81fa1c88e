package roster

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/mirror"
)

// lastSet has the only instance of a service come and expire.
func lastSet(t *testing.T, m *shared) (gone mirror.Event) {
	t.Helper()
	const key = "default/alone/a"
	gone = mirror.Event{Key: key, ModRevision: 101, Deleted: true}
	apply(m.Guard(), 100, mirror.Event{Key: key, Value: []byte(`{"addresses":["10.0.0.7"]}`), ModRevision: 100, Lease: 1})
	apply(m.Guard(), 101, gone)
	if m.Guard().LastSets() != 1 || m.Load().Service("default", "alone") == nil {
		t.Fatalf("%d instances of last sets, want 1", m.Guard().LastSets())
	}
	return gone
}

// TestReloadOfKeepLast: a reload that changes keep_last takes a last set over, and
// serves it for as long as the new Corefile says once etcd is in contact.
func TestReloadOfKeepLast(t *testing.T) {
	for name, test := range map[string]struct {
		keepLast time.Duration
		stays    bool
	}{
		"shorter": {time.Minute, true},
		"longer":  {time.Hour, true},
		"off":     {0, false},
	} {
		t.Run(name, func(t *testing.T) {
			logged(t)
			p := newPool(logger)
			first := away(t, "")
			first.retention = retention{keepLast: 10 * time.Minute}
			old := plantEtcd(t, p, first, faulty.New())
			defer end(t, old)
			synced(t, old)
			gone := lastSet(t, old)

			second := *first
			second.retention.keepLast = test.keepLast
			m := acquired(t, p, &second)
			defer p.release(t.Context(), &second)
			if m == old || m.Load().Service("default", "alone") == nil {
				t.Fatal("the new replica does not answer as the old one")
			}
			commit(m.Guard(), mirror.Commit{Cause: mirror.CauseList, Revision: 102}, gone)
			if served := m.Load().Service("default", "alone") != nil; served != test.stays {
				t.Errorf("served after the first list: %v, want %v", served, test.stays)
			}
		})
	}
}

// TestSnapshotKeepsLastSets: a restart while etcd is away goes on serving them, and
// not for longer than the configuration says.
func TestSnapshotKeepsLastSets(t *testing.T) {
	c := away(t, filepath.Join(t.TempDir(), "snapshot"))
	c.retention.keepLast = 10 * time.Minute
	m := plantEtcd(t, newPool(logger), c, faulty.New())
	synced(t, m)
	gone := lastSet(t, m)
	end(t, m)

	again := opened(t, c)
	if again.Guard().LastSets() != 1 || again.Load().Service("default", "alone") == nil {
		t.Errorf("%d instances of last sets after a restart, want 1", again.Guard().LastSets())
	}
	end(t, again)

	c.retention.keepLast = 0
	again = started(t, c)
	if again.Load().Service("default", "alone") == nil {
		t.Error("gone before it is known whether it returned")
	}
	commit(again.Guard(), mirror.Commit{Cause: mirror.CauseList, Revision: 102}, gone)
	if again.Load().Service("default", "alone") != nil {
		t.Error("served without keep_last")
	}
}
