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

// added is a change that brings the service default/new.
func added(revision int64) mirror.Batch {
	return mirror.Batch{Revision: revision, Events: []mirror.Event{
		{Key: "default/new/a", Value: []byte(`{"addresses":["10.9.9.9"]}`), ModRevision: revision, Lease: 1},
	}}
}

// acquired acquires a mirror.
func acquired(t *testing.T, p *pool, c *registryConfig, beside ...*registryConfig) *mirrored {
	t.Helper()
	m, err := p.acquire(c, beside...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestReloadWhileAway: a reload that changes only how a mirror is kept, while
// etcd is away, takes no answer away.
func TestReloadWhileAway(t *testing.T) {
	for name, change := range map[string]func(t *testing.T, k *keeping){
		"protect": func(_ *testing.T, k *keeping) { k.protect, k.protectFor = 30, time.Minute },
		"snapshot": func(t *testing.T, k *keeping) {
			t.Helper()
			k.snapshot, k.maxAge = filepath.Join(t.TempDir(), "s"), time.Hour
		},
	} {
		t.Run(name, func(t *testing.T) {
			log := logged(t)
			p := &pool{mirrors: map[string]*mirrored{}}
			old := plantIn(t, p, closedPort(t), shop)
			defer old.stop()
			<-old.mirrors[0].Synced()
			old.Apply(added(43))
			c := *old.config
			change(t, &c.keeping)
			m := acquired(t, p, &c)
			defer p.release(&c)
			if m == old || m.Load().Service("default", "new") == nil || m.Load().Instances() != old.Load().Instances() {
				t.Errorf("%d instances, want a new mirror with %d", m.Load().Instances(), old.Load().Instances())
			}
			if got, want := m.Load().FullSerial(), old.Load().FullSerial(); got != want {
				t.Errorf("serial %d, want %d", got, want)
			}
			got, want := m.Status(), old.Status()
			if got.State != mirror.Stale || !got.Contact.Equal(want.Contact) {
				t.Errorf("status %+v after %+v", got, want)
			}
			if l := lines(log, "going on with 23 instances"); len(l) != 1 {
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
	p := &pool{mirrors: map[string]*mirrored{}}
	first := away(t, path)
	old := acquired(t, p, first)
	for revision := range int64(5) { // the keeper has no time to write them all
		old.Apply(added(43 + revision))
	}
	second := *first
	second.keeping.maxAge = time.Minute // less than the age of the snapshot
	m := acquired(t, p, &second)
	defer p.release(&second)
	p.release(first)
	if s := m.Load().Service("default", "new"); s == nil || s.Revision != 47 || m.Load().FullSerial() != old.Load().FullSerial() {
		t.Errorf("%+v with serial %d, want revision 47 with serial %d", s, m.Load().FullSerial(), old.Load().FullSerial())
	}
}

// TestReloadOfAnUnsyncedMirror: where the mirror before knows nothing, what is
// on disk is better.
func TestReloadOfAnUnsyncedMirror(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	writeShop(t, path, func(*snapshot.Header) {})
	p := &pool{mirrors: map[string]*mirrored{}}
	first := away(t, "")
	acquired(t, p, first)
	defer p.release(first)
	second := *first
	second.keeping.snapshot = path
	m := acquired(t, p, &second)
	defer p.release(&second)
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
	p := &pool{mirrors: map[string]*mirrored{}}
	first := away(t, path)
	old := acquired(t, p, first)
	second := *first
	second.etcd.Endpoints = []string{closedPort(t)} // answers from the file too
	m := acquired(t, p, &second)
	m.Apply(added(50))
	p.release(&second)
	if h := onDisk(t, path); h.Serial != 100 {
		t.Errorf("the discarded mirror has written serial %d", h.Serial)
	}
	old.Apply(added(43))
	p.release(first)
	if h := onDisk(t, path); h.Serial != 101 {
		t.Errorf("serial %d at the end, want 101", h.Serial)
	}
}

// TestReloadKeepsTheNewSnapshot: a reload that changes a registry starts the new
// mirror first and then stops the old one, after whose last write the new one
// writes at once.
func TestReloadKeepsTheNewSnapshot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	writeShop(t, path, func(*snapshot.Header) {})
	p := &pool{mirrors: map[string]*mirrored{}}
	first := away(t, path)
	old := acquired(t, p, first)
	second := *first
	second.etcd.Endpoints = []string{closedPort(t)}
	m := acquired(t, p, &second)
	defer p.release(&second)
	m.Apply(added(50))
	old.Apply(added(43))
	p.release(first)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(deadline)
	for onDisk(t, path).Serial != m.Load().FullSerial() {
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("the snapshot has serial %d, want the new mirror's %d", onDisk(t, path).Serial, m.Load().FullSerial())
		}
	}
}

// TestSnapshotMetricsEnd: size and time of the last snapshot show as long as a
// mirror with their labels keeps one, and no longer, so that no alert is left
// behind.
func TestSnapshotMetricsEnd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	p := &pool{mirrors: map[string]*mirrored{}}
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
	acquired(t, p, first).Apply(added(43))
	second := *first
	second.keeping.protect = 30
	acquired(t, p, &second)
	p.release(first) // writes a last time at the latest
	expect("with another mirror that keeps it", 2)
	third := *first
	third.keeping = keeping{}
	acquired(t, p, &third)
	p.release(&second)
	expect("with a mirror that keeps none", 0)
	p.release(&third)
	acquired(t, p, first).Apply(added(44))
	p.release(first)
	expect("after the last mirror", 0)
}
