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
			p := newPool(logger)
			eu, us := away(t, ""), away(t, path)
			want := uint32(50)
			if path != "" {
				writeShop(t, path, func(*snapshot.Header) {})
				want = 108 // 58 on
			}
			m := acquired(t, p, eu, us)
			defer p.release(t.Context(), eu)
			apply(m.Store(), 3_000_000_000)
			m = acquired(t, p, us, eu)
			defer p.release(t.Context(), us)
			apply(m.Store(), 50)
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
	check := func(t *testing.T, m *shared) {
		t.Helper()
		apply(m.Store(), 60)
		if got := m.Load().Serial(); got != shown+18 {
			t.Errorf("serial %d, want %d", got, shown+18)
		}
	}
	t.Run("reload", func(t *testing.T) {
		p := newPool(logger)
		first := away(t, "", "default")
		old := acquired(t, p, first)
		defer p.release(t.Context(), first)
		apply(old.Store(), shown-1)
		commit(old.Store(), mirror.Commit{Revision: 42, Regressed: true})
		second := *first
		second.namespaces = []string{"default", "other"}
		m := acquired(t, p, &second)
		defer p.release(t.Context(), &second)
		check(t, m)
	})
	t.Run("restart", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "snapshot")
		writeShop(t, path, func(h *snapshot.Header) { h.Serial, h.Offset = shown, shown-h.Revision })
		check(t, started(t, away(t, path, "default")))
	})
}

// TestReloadInContact: while etcd is in contact, a reload that changes how a
// replica is kept waits for a list, and the old one goes on answering.
func TestReloadInContact(t *testing.T) {
	p := newPool(logger)
	old := plantIn(t, p, closedPort(t), shop)
	defer end(t, old)
	if s := old.Status(); s.State != mirror.Live {
		t.Fatalf("status %+v", s)
	}
	c := *old.config
	c.retention.protect, c.retention.protectFor = 30, time.Minute
	m := acquired(t, p, &c)
	defer p.release(t.Context(), &c)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if m.Wait(ctx) == nil {
		t.Error("did not wait for a list")
	}
}
