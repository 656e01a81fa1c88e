package roster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
	"github.com/rosterdns/roster/internal/snapshot"
)

// keeping is how the mirrors of a registry are kept beyond what etcd says.
type keeping struct {
	snapshot   string        // absolute path; empty for none
	maxAge     time.Duration // of a snapshot that is loaded
	protect    int           // percent of instances that vanish in a mass; 0 for no guard
	protectFor time.Duration
}

// keptObserver has a snapshot written with each change of state, too: a first
// list that shows what a snapshot had is no change of what readers see, and a
// process can be killed before anything else is.
type keptObserver struct {
	observer
	m *mirrored
}

// StateChanged implements mirror.Observer.
func (o keptObserver) StateChanged(mirror.Status) { o.m.touch() }

// keep loads the snapshot, if there is one to use, and has it written from then
// on. It is called before the mirrors run.
func (m *mirrored) keep(c *registryConfig, logger *slog.Logger) {
	path := c.keeping.snapshot
	if path == "" {
		return
	}
	switch err := m.load(c); {
	case errors.Is(err, fs.ErrNotExist): // the first start
	case err != nil:
		log.Warningf("Starting without the snapshot: %v", err)
	default:
		gen := m.Load()
		log.Infof("Answering from snapshot %q until etcd is in contact: %d instances of %d services at revision %d, last contact %s ago",
			path, gen.Instances(), gen.Services(), gen.Revision(), time.Since(m.Status().Contact).Round(time.Second))
	}
	keeper := snapshot.NewKeeper(snapshot.KeeperConfig{
		Path: path, Log: logger, Written: m.observer.snapshotWritten,
		Take: func() (snapshot.Header, iter.Seq[snapshot.Entry], bool) { return m.take(c) },
	})
	m.OnChange(keeper.Touch)
	m.touch = keeper.Touch
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		keeper.Run(ctx)
	}()
	m.endKeep = func() {
		cancel()
		<-done
	}
}

// take returns what a snapshot keeps. The status comes last, so that a mirror
// which starts from it is told of no lower revision than was seen.
func (m *mirrored) take(c *registryConfig) (snapshot.Header, iter.Seq[snapshot.Entry], bool) {
	gen := m.Load()
	entries := gen.Entries()
	if m.guard != nil {
		gen, entries = m.guard.Snapshot()
	}
	h := snapshot.Header{Root: c.prefix + "/", Serial: gen.FullSerial(), Offset: gen.SerialOffset(), Revision: gen.Revision()}
	for i, prefix := range c.prefixes() {
		s := m.mirrors[i].Status()
		if s.State == mirror.Unsynced {
			return snapshot.Header{}, nil, false
		}
		h.Cluster = s.Cluster
		h.Ranges = append(h.Ranges, snapshot.Range{Prefix: prefix, Revision: s.Revision, Contact: s.Contact})
	}
	return h, entries, gen.Revision() > 0
}

// load restores the mirrors from the snapshot, or leaves them as they are with
// an error that says why it can't be used.
func (m *mirrored) load(c *registryConfig) error {
	f, err := snapshot.Open(c.keeping.snapshot)
	if err != nil {
		return err
	}
	defer f.Close()
	h := f.Header()
	if err := m.usable(c, h); err != nil {
		return fmt.Errorf("snapshot %q %w", c.keeping.snapshot, err)
	}
	// All is read once before any of it is applied: a file can be made to
	// mislead.
	for _, err := range f.Entries() {
		if err != nil {
			return err
		}
	}
	for i, r := range h.Ranges {
		m.mirrors[i].Restore(mirror.Head{Cluster: h.Cluster, Revision: r.Revision}, r.Contact, services.Restored(f.Entries(), h.Root, r.Prefix))
	}
	if m.guard != nil {
		m.guard.Restore(f.Entries())
	}
	m.RestoreSerial(h.Serial, h.Offset, h.Revision)
	return nil
}

// usable says why a snapshot is not to be used, if it is whole.
func (m *mirrored) usable(c *registryConfig, h snapshot.Header) error {
	prefixes := c.prefixes()
	if h.Root != c.prefix+"/" || len(h.Ranges) != len(prefixes) {
		return fmt.Errorf("is of another registry, or of other namespaces: its prefix is %q, its ranges are %d", h.Root, len(h.Ranges))
	}
	for i, r := range h.Ranges {
		if r.Prefix != prefixes[i] {
			return fmt.Errorf("is of other namespaces: it has %q, not %q", r.Prefix, prefixes[i])
		}
		if age := time.Since(r.Contact); age > c.keeping.maxAge {
			return fmt.Errorf("is too old: etcd was last in contact %s ago, longer than %s", age.Round(time.Second), c.keeping.maxAge)
		}
	}
	return nil
}
