package roster

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/mirror"
)

// TestSnapshotKeepsProtection: a restart doesn't make the time longer for which
// a mass that has expired is served.
func TestSnapshotKeepsProtection(t *testing.T) {
	c := away(t, filepath.Join(t.TempDir(), "snapshot"))
	c.retention.protect, c.retention.protectFor = 30, 10*time.Minute
	etcd := faulty.New()
	p := newPool(logger)
	m := plantEtcd(t, p, c, etcd)
	synced(t, m)
	var all, gone []mirror.Event
	for i := range 20 {
		key := fmt.Sprintf("default/shop/i%d", i)
		all = append(all, mirror.Event{Key: key, Value: []byte(`{"addresses":["10.0.0.7"]}`), ModRevision: 1, Lease: 1})
		gone = append(gone, mirror.Event{Key: key, ModRevision: 2, Deleted: true})
	}
	apply(m.Guard(), 1, all...)
	apply(m.Guard(), 2, gone...)
	end(t, m)
	c.retention.protectFor = 0 // the time left is not more than the configuration's
	again := started(t, c)
	if n, protected := again.Load().Instances(), again.Guard().Protected(); n != 20 || protected != 20 {
		t.Fatalf("%d instances, %d protected after a restart, want 20", n, protected)
	}
	commit(again.Guard(), mirror.Commit{Cause: mirror.CauseList, Revision: 2}, gone...)
	if n := again.Load().Instances(); n != 0 {
		t.Errorf("%d instances after their time was over", n)
	}
}
