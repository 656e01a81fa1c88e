package roster

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// TestSnapshotIgnored: what is no use is ignored with one line, and replaced.
func TestSnapshotIgnored(t *testing.T) {
	for name, tt := range map[string]struct {
		spoil func(t *testing.T, path string)
		want  string
	}{
		"torn": {func(t *testing.T, path string) {
			t.Helper()
			data, err := os.ReadFile(path)
			if err := errors.Join(err, os.WriteFile(path, data[:len(data)/2], 0o600)); err != nil {
				t.Fatal(err)
			}
		}, "not a whole snapshot"},
		"something else": {func(t *testing.T, path string) {
			t.Helper()
			if err := os.WriteFile(path, []byte("svc.internal {\n}\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}, "not a whole snapshot"},
		"foreign": {func(t *testing.T, path string) {
			t.Helper()
			writeShop(t, path, func(h *snapshot.Header) { h.Root, h.Ranges[0].Prefix = "/other/", "/other/" })
		}, "belongs to another registry"},
		"too old": {func(t *testing.T, path string) {
			t.Helper()
			writeShop(t, path, func(h *snapshot.Header) { h.Ranges[0].Contact = time.Now().Add(-61 * time.Minute) })
		}, "too old"},
		"ahead of the clock": {func(t *testing.T, path string) {
			t.Helper()
			writeShop(t, path, func(h *snapshot.Header) { h.Ranges[0].Contact = time.Now().AddDate(10, 0, 0) })
		}, "ahead of this machine's clock"},
	} {
		t.Run(name, func(t *testing.T) {
			log := logged(t)
			path := filepath.Join(t.TempDir(), "snapshot")
			writeShop(t, path, func(*snapshot.Header) {})
			tt.spoil(t, path)
			m := started(t, away(t, path))
			if m.Status().State != mirror.Unsynced || m.Load().Instances() != 0 {
				t.Errorf("status %+v with %d instances", m.Status(), m.Load().Instances())
			}
			if got := lines(log, "starting without the snapshot", path, tt.want); len(got) != 1 {
				t.Errorf("logged %s", log)
			}
		})
	}
}

// TestSerialOfAnOldSnapshot: what is too old to be answered still says where the
// serial was; what is of another registry doesn't.
func TestSerialOfAnOldSnapshot(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*snapshot.Header)
		want   uint32
	}{
		"old":     {func(h *snapshot.Header) { h.Ranges[0].Contact = time.Now().Add(-2 * time.Hour) }, 100_018},
		"foreign": {func(h *snapshot.Header) { h.Root, h.Ranges[0].Prefix = "/other/", "/other/" }, 60},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "snapshot")
			writeShop(t, path, func(h *snapshot.Header) {
				h.Serial, h.Offset = 100_000, 100_000-h.Revision // etcd was restored from a backup once
				tt.change(h)
			})
			m := started(t, away(t, path))
			apply(m.Store(), 60) // the first list, 18 on
			if got := m.Load().Serial(); got != tt.want {
				t.Errorf("serial %d, want %d", got, tt.want)
			}
		})
	}
}

// TestContactAhead: a contact that is a little ahead of the clock counts as now.
func TestContactAhead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "snapshot")
	writeShop(t, path, func(h *snapshot.Header) { h.Ranges[0].Contact = time.Now().Add(snapshot.MaxAhead / 2) })
	m := started(t, away(t, path))
	if s := m.Status(); s.State != mirror.Stale || s.Contact.After(time.Now()) {
		t.Errorf("status %+v at %s", s, time.Now())
	}
}

// TestFolderNotWritable: a start answers from a snapshot that can't be replaced,
// as on a full or read-only disk. Here it is its name that leaves no room for
// another beside it, which holds for root, too.
func TestFolderNotWritable(t *testing.T) {
	log := logged(t)
	dir := t.TempDir()
	path := filepath.Join(dir, strings.Repeat("s", 250))
	short := filepath.Join(dir, "short")
	writeShop(t, short, func(*snapshot.Header) {})
	if err := os.Rename(short, path); err != nil {
		t.Fatal(err)
	}
	cfg, err := parseBlock("roster {\n endpoint " + closedPort(t) + "\n snapshot " + path + "\n}")
	if err != nil {
		t.Fatal(err)
	}
	m := opened(t, &cfg.registry)
	if m.Status().State != mirror.Stale || m.Load().Instances() != 22 {
		t.Errorf("status %+v with %d instances", m.Status(), m.Load().Instances())
	}
	add(m, 43)
	end(t, m)
	if l := lines(log, "[WARNING] plugin/roster: the snapshot can't be written"); len(l) != 1 {
		t.Errorf("logged %s", log)
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("left %v, %v", files, err)
	}
}

// TestSnapshotOlderThanStale: where a snapshot is too old for answers, the log
// says so.
func TestSnapshotOlderThanStale(t *testing.T) {
	for stale, want := range map[time.Duration]int{0: 0, time.Hour: 0, time.Second: 1} {
		log := logged(t)
		path := filepath.Join(t.TempDir(), "snapshot")
		writeShop(t, path, func(*snapshot.Header) {}) // of a minute ago
		c := away(t, path)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		answers := make(chan struct{})
		m := started(t, c)
		wg.Go(func() {
			m.await(ctx, &config{registry: *c, startupTimeout: time.Second, stale: stale}, func() { close(answers) })
		})
		<-answers
		if got := lines(log, "longer ago than stale allows: answering SERVFAIL", `stale="1s"`); len(got) != want {
			t.Errorf("stale %s: logged %s", stale, log)
		}
		cancel()
		wg.Wait()
	}
}
