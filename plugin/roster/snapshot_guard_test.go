package roster

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
)

// TestSnapshotKeepsProtection: a restart doesn't make the time longer for which
// a mass that has vanished is served.
func TestSnapshotKeepsProtection(t *testing.T) {
	c := away(t, filepath.Join(t.TempDir(), "snapshot"))
	c.keeping.protect, c.keeping.protectFor = 30, 10*time.Minute
	m, err := startMirrored(c, nil, false)
	if err != nil {
		t.Fatal(err)
	}
	all, gone := mirror.Batch{Revision: 1}, mirror.Batch{Revision: 2}
	for i := range 20 {
		key := fmt.Sprintf("default/shop/i%d", i)
		all.Events = append(all.Events, mirror.Event{Key: key, Value: []byte(`{"addresses":["10.0.0.7"]}`), ModRevision: 1, Lease: 1})
		gone.Events = append(gone.Events, mirror.Event{Key: key, ModRevision: 2, Deleted: true})
	}
	m.mirrors[0].Restore(mirror.Head{Revision: 1}, time.Now(), func(func(mirror.Event) bool) {}) // a state to keep
	m.guard.Apply(all)
	m.guard.Apply(gone)
	m.stop()
	c.keeping.protectFor = 0 // the time left is not more than the configuration's
	again := started(t, c)
	if n, protected := again.Load().Instances(), again.guard.Protected(); n != 20 || protected != 20 {
		t.Fatalf("%d instances, %d protected after a restart, want 20", n, protected)
	}
	again.guard.Apply(gone) // the first list
	if n := again.Load().Instances(); n != 0 {
		t.Errorf("%d instances after their time was over", n)
	}
}
