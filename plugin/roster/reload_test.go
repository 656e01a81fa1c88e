package roster

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// add makes a change that brings the service default/new.
func add(m *shared, revision int64) {
	apply(m.Store(), revision, mirror.Event{Key: "default/new/a", Value: []byte(`{"addresses":["10.9.9.9"]}`), ModRevision: revision, Lease: 1})
}

// acquired acquires the replica of a registry of a Corefile that has some beside it,
// and waits for its snapshot to be read.
func acquired(t *testing.T, p *pool, c *registryConfig, beside ...*registryConfig) *shared {
	t.Helper()
	m, err := p.acquire(c, p.successions(append(beside, c)))
	if err != nil {
		t.Fatal(err)
	}
	<-m.Loaded()
	return m
}

// TestReloadWhileAway: a reload that changes only how a replica is kept, while
// etcd is away, takes no answer away.
func TestReloadWhileAway(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, k *retention){
		"protect":   func(_ *testing.T, k *retention) { k.protect, k.protectFor = 30, time.Minute },
		"keep_last": func(_ *testing.T, k *retention) { k.keepLast = time.Minute },
		"snapshot": func(t *testing.T, k *retention) {
			t.Helper()
			k.snapshot, k.maxAge = filepath.Join(t.TempDir(), "s"), time.Hour
			k.file = k.snapshot
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := logged(t)
			p := newPool(logger)
			old := plantIn(t, p, closedPort(t), shop)
			defer end(t, old)
			add(old, 43)
			before := old.Status() // it is in contact, which goes on
			c := *old.config
			change(t, &c.retention)
			m := acquired(t, p, &c)
			defer p.release(t.Context(), &c)
			if m == old || m.Load().Service("default", "new") == nil || m.Load().Instances() != old.Load().Instances() {
				t.Errorf("%d instances, want a new replica with %d", m.Load().Instances(), old.Load().Instances())
			}
			if got, want := m.Load().FullSerial(), old.Load().FullSerial(); got != want {
				t.Errorf("serial %d, want %d", got, want)
			}
			got, want := m.Status(), old.Status()
			if got.State != mirror.Stale || got.Contact.Before(before.Contact) || got.Contact.After(want.Contact) {
				t.Errorf("status %+v after %+v", got, want)
			}
			if l := lines(log, "keeping its contents", "instances=23"); len(l) != 1 {
				t.Errorf("logged %s", log)
			}
		})
	}
}

// TestReloadGoesBack: with a snapshot, too, a reload goes on with what the
// process knows, which is more than the disk does.
func TestReloadGoesBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	writeShop(t, path, func(*snapshot.Header) {})
	p := newPool(logger)
	first := away(t, path)
	old := acquired(t, p, first)
	for revision := range int64(5) { // the keeper has no time to write them all
		add(old, 43+revision)
	}
	second := *first
	second.retention.maxAge = time.Minute // less than the age of the snapshot
	m := acquired(t, p, &second)
	defer p.release(t.Context(), &second)
	p.release(t.Context(), first)
	if s := m.Load().Service("default", "new"); s == nil || s.Revision != 47 || m.Load().FullSerial() != old.Load().FullSerial() {
		t.Errorf("%+v with serial %d, want revision 47 with serial %d", s, m.Load().FullSerial(), old.Load().FullSerial())
	}
}

// TestReloadOfAnUnsyncedReplica: where the replica before knows nothing, what is
// on disk is better.
func TestReloadOfAnUnsyncedReplica(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	writeShop(t, path, func(*snapshot.Header) {})
	p := newPool(logger)
	first := away(t, "")
	acquired(t, p, first)
	defer p.release(t.Context(), first)
	second := *first
	second.retention.snapshot, second.retention.file = path, path
	m := acquired(t, p, &second)
	defer p.release(t.Context(), &second)
	if m.Status().State != mirror.Stale || m.Load().Instances() != 22 {
		t.Errorf("status %+v with %d instances", m.Status(), m.Load().Instances())
	}
}

// onDisk returns what the snapshot says it is of.
func onDisk(t *testing.T, path string) snapshot.Header {
	t.Helper()
	f, err := snapshot.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return f.Header()
}

// TestSnapshotAfterFailedReload: a Corefile that can't be loaded whole leaves
// the snapshot to the one that goes on, all the time.
func TestSnapshotAfterFailedReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	writeShop(t, path, func(*snapshot.Header) {})
	p := newPool(logger)
	first := away(t, path)
	old := acquired(t, p, first)
	second := *first
	second.etcd.Endpoints = []string{closedPort(t)} // answers from the file too
	m := acquired(t, p, &second)
	add(m, 50)
	p.release(t.Context(), &second)
	if h := onDisk(t, path); h.Serial != 100 {
		t.Errorf("the discarded replica has written serial %d", h.Serial)
	}
	add(old, 43)
	p.release(t.Context(), first)
	if h := onDisk(t, path); h.Serial != 101 {
		t.Errorf("serial %d at the end, want 101", h.Serial)
	}
}

// TestReloadKeepsTheNewSnapshot: a reload that changes a registry starts the new
// replica first and then stops the old one, after whose last write the new one
// writes at once.
func TestReloadKeepsTheNewSnapshot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	writeShop(t, path, func(*snapshot.Header) {})
	p := newPool(logger)
	first := away(t, path)
	old := acquired(t, p, first)
	second := *first
	second.etcd.Endpoints = []string{closedPort(t)}
	m := acquired(t, p, &second)
	defer p.release(t.Context(), &second)
	add(m, 50)
	add(old, 43)
	p.release(t.Context(), first)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(deadline)
	for onDisk(t, path).Serial != m.Load().FullSerial() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("the snapshot has serial %d, want the new replica's %d", onDisk(t, path).Serial, m.Load().FullSerial())
		}
	}
}

// TestSnapshotMetricsEnd: size and time of the last snapshot show as long as a
// replica with their labels has one, and no longer, so that no alert is left
// behind.
func TestSnapshotMetricsEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	p := newPool(logger)
	shown := func() (n int) {
		for _, vec := range []*prometheus.GaugeVec{snapshotBytes, snapshotTime} {
			n += testutil.CollectAndCount(vec)
		}
		return n
	}
	before := shown()
	expect := func(when string, want int) {
		t.Helper()
		if got := shown() - before; got != want {
			t.Errorf("%s: %d series, want %d", when, got, want)
		}
	}
	writeShop(t, path, func(*snapshot.Header) {})
	first := away(t, path)
	add(acquired(t, p, first), 43)
	second := *first
	second.retention.protect = 30
	acquired(t, p, &second)
	p.release(t.Context(), first) // writes a last time at the latest
	expect("with another replica that keeps it", 2)
	third := *first
	third.retention = retention{}
	acquired(t, p, &third)
	p.release(t.Context(), &second)
	expect("with a replica that keeps none", 0)
	p.release(t.Context(), &third)
	add(acquired(t, p, first), 44)
	p.release(t.Context(), first)
	expect("after the last replica", 0)
}
