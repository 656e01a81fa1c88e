package roster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"slices"
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

// inherit restores the mirrors from those of the same registry that a reload
// takes the place of: etcd can be away, and the snapshot is behind them. It
// reports false where there are none, or they know nothing yet.
func (m *mirrored) inherit(from *mirrored) bool {
	if from == nil || from.config.key() != m.config.key() {
		return false
	}
	h, entries, ok := from.take()
	if !ok {
		return false
	}
	m.restore(h, func(yield func(snapshot.Entry, error) bool) {
		for e := range entries {
			if !yield(e, nil) {
				return
			}
		}
	})
	log.Infof("Keeping %s in another way: going on with %d instances at revision %d", m.config, m.Load().Instances(), m.Load().Revision())
	return true
}

// load restores the mirrors from the snapshot, if there is one to use.
func (m *mirrored) load() {
	path := m.config.keeping.snapshot
	if path == "" {
		return
	}
	switch err := m.read(path); {
	case errors.Is(err, fs.ErrNotExist): // the first start
	case err != nil:
		log.Warningf("Starting without the snapshot: %v", err)
	default:
		gen := m.Load()
		log.Infof("Answering from snapshot %q until etcd is in contact: %d instances of %d services at revision %d, last contact %s ago",
			path, gen.Instances(), gen.Services(), gen.Revision(), ageOf(m.Status()).Round(time.Second))
	}
}

// keep has the snapshot written, from before the mirrors run.
func (m *mirrored) keep(logger *slog.Logger) {
	path := m.config.keeping.snapshot
	if path == "" {
		return
	}
	keeper := snapshot.NewKeeper(snapshot.KeeperConfig{
		Path: path, Log: logger, Written: m.observer.snapshotWritten,
		Take: func() (snapshot.Header, iter.Seq[snapshot.Entry], bool) {
			if m.fileTaken.Load() {
				return snapshot.Header{}, nil, false
			}
			return m.take()
		},
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
func (m *mirrored) take() (snapshot.Header, iter.Seq[snapshot.Entry], bool) {
	gen := m.Load()
	entries := gen.Entries()
	if m.guard != nil {
		gen, entries = m.guard.Snapshot()
	}
	h := snapshot.Header{Root: m.config.prefix + "/", Serial: gen.FullSerial(), Offset: gen.SerialOffset(), Revision: gen.Revision()}
	for i, prefix := range m.config.prefixes() {
		s := m.mirrors[i].Status()
		if s.State == mirror.Unsynced {
			return snapshot.Header{}, nil, false
		}
		h.Cluster = s.Cluster
		h.Ranges = append(h.Ranges, snapshot.Range{Prefix: prefix, Revision: s.Revision, Contact: s.Contact})
	}
	return h, entries, gen.Revision() > 0
}

// read restores the mirrors from a file, or leaves them as they are with an
// error that says why it can't be used. Of one of the same prefix the serial goes
// on all the same: it was shown, and never goes back.
func (m *mirrored) read(path string) error {
	f, err := snapshot.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	h := f.Header()
	if root := m.config.prefix + "/"; h.Root != root {
		return fmt.Errorf("snapshot %q is of another registry: its keys start with %q, not %q", path, h.Root, root)
	}
	// All is read once before any of it is applied: a file can be made to
	// mislead.
	for _, err := range f.Entries() {
		if err != nil {
			return err
		}
	}
	if err := cmp.Or(m.isOfOurs(h), m.isInTime(h)); err != nil {
		m.RestoreSerial(h.Serial, h.Offset, h.Revision)
		return fmt.Errorf("snapshot %q %w", path, err)
	}
	m.restore(h, f.Entries())
	return nil
}

// restore fills the mirrors and makes the serial go on.
func (m *mirrored) restore(h snapshot.Header, entries iter.Seq2[snapshot.Entry, error]) {
	now := time.Now()
	for i, r := range h.Ranges {
		// In terms of now: not ahead of it, and its age unmoved when the clock is set.
		contact := now.Add(-max(0, now.Sub(r.Contact)))
		m.mirrors[i].Restore(mirror.Head{Cluster: h.Cluster, Revision: r.Revision}, contact, services.Restored(entries, h.Root, r.Prefix))
	}
	if m.guard != nil {
		m.guard.Restore(entries)
	}
	m.RestoreSerial(h.Serial, h.Offset, h.Revision)
}

// isOfOurs says why a snapshot is of other namespaces than the mirrors.
func (m *mirrored) isOfOurs(h snapshot.Header) error {
	var theirs []string
	for _, r := range h.Ranges {
		theirs = append(theirs, r.Prefix)
	}
	if ours := m.config.prefixes(); !slices.Equal(theirs, ours) {
		return fmt.Errorf("is of other namespaces: it has %q, not %q", theirs, ours)
	}
	return nil
}

// isInTime says why the contents of a snapshot are not to be answered from.
func (m *mirrored) isInTime(h snapshot.Header) error {
	for _, r := range h.Ranges {
		switch age := time.Since(r.Contact); {
		case age > m.config.keeping.maxAge:
			return fmt.Errorf("is too old: etcd was last in contact %s ago, longer than %s", age.Round(time.Second), m.config.keeping.maxAge)
		case age < -snapshot.MaxAhead:
			return fmt.Errorf("is ahead of the clock: etcd was last in contact at %s", r.Contact.Format(time.RFC3339))
		}
	}
	return nil
}
