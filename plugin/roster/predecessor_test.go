package roster

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// TestSerialBesideAnotherCluster: blocks of one Corefile that read the same
// prefix of different clusters have nothing to do with each other's serials.
func TestSerialBesideAnotherCluster(t *testing.T) {
	for name, path := range map[string]string{"no snapshot": "", "snapshot": filepath.Join(t.TempDir(), "us")} {
		t.Run(name, func(t *testing.T) {
			p := &pool{mirrors: map[string]*mirrored{}}
			eu, us := away(t, ""), away(t, path)
			want := uint32(50)
			if path != "" {
				writeShop(t, path, func(*snapshot.Header) {})
				want = 108 // 58 on
			}
			m := acquired(t, p, eu, us)
			defer p.release(eu)
			m.Apply(mirror.Batch{Revision: 3_000_000_000})
			m = acquired(t, p, us, eu)
			defer p.release(us)
			m.Apply(mirror.Batch{Revision: 50})
			if got := m.Load().Serial(); got != want {
				t.Errorf("serial %d, want %d", got, want)
			}
		})
	}
}

// TestSerialOfOtherNamespaces: a change of namespaces, by reload or restart, is
// one of the same zone, whose serial never goes back.
func TestSerialOfOtherNamespaces(t *testing.T) {
	const shown = 100_001 // 99,959 on, since a backup of revision 42 was restored
	check := func(t *testing.T, m *mirrored) {
		t.Helper()
		m.Apply(mirror.Batch{Revision: 60})
		if got := m.Load().Serial(); got != shown+18 {
			t.Errorf("serial %d, want %d", got, shown+18)
		}
	}
	t.Run("reload", func(t *testing.T) {
		p := &pool{mirrors: map[string]*mirrored{}}
		first := away(t, "", "default")
		old := acquired(t, p, first)
		defer p.release(first)
		old.Apply(mirror.Batch{Revision: shown - 1})
		old.Apply(mirror.Batch{Revision: 42, Regressed: true})
		second := *first
		second.namespaces = []string{"default", "other"}
		m := acquired(t, p, &second)
		defer p.release(&second)
		check(t, m)
	})
	t.Run("restart", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "snapshot")
		writeShop(t, path, func(h *snapshot.Header) { h.Serial, h.Offset = shown, shown-h.Revision })
		check(t, started(t, away(t, path, "default")))
	})
}

// TestReloadInContact: while etcd is in contact, a reload that changes how a
// mirror is kept waits for a list, and the old mirror goes on answering.
func TestReloadInContact(t *testing.T) {
	p := &pool{mirrors: map[string]*mirrored{}}
	old := plantIn(t, p, closedPort(t), shop)
	defer old.stop()
	<-old.mirrors[0].Synced()
	if s := old.Status(); s.State != mirror.Live {
		t.Fatalf("status %+v", s)
	}
	c := *old.config
	c.keeping.protect, c.keeping.protectFor = 30, time.Minute
	m := acquired(t, p, &c)
	defer p.release(&c)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	m.wait(ctx)
	if ctx.Err() == nil {
		t.Error("did not wait for a list")
	}
}
