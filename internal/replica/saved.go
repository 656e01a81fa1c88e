package replica

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// saved is a registry's snapshot on disk.
type saved struct {
	*registry
	log      *slog.Logger
	disk     disk
	writer   *snapshot.Writer // nil without a snapshot
	loaded   chan struct{}    // closed when the snapshot was read, or is not to be
	released chan struct{}    // closed when the file is written no more
}

// touch has the snapshot written soon.
func (s *saved) touch() {
	if s.writer != nil {
		s.writer.Touch()
	}
}

// touchOnChange has the snapshot written after each change of what is served.
func (s *saved) touchOnChange(ctx context.Context) {
	changes := s.store.Subscribe()
	for {
		select {
		case <-ctx.Done():
			return
		case <-changes.Changed():
			changes.Next()
			s.touch()
		}
	}
}

// observer has the snapshot written where only its header changes, which holds the
// revision and the contact of each range: a first list can find just what the
// snapshot had, so that the store has no delta for touchOnChange.
type observer struct {
	Observer
	disk *saved
}

// StateChanged implements mirror.Observer.
func (o observer) StateChanged(s mirror.Status) {
	o.Observer.StateChanged(s)
	o.disk.touch()
}

// Listed implements mirror.Observer.
func (o observer) Listed(reason mirror.Reason, keys int, took time.Duration) {
	o.Observer.Listed(reason, keys, took)
	o.disk.touch()
}

// use reads the snapshot, and writes it from then on. Nobody waits for it
// without bound: a disk can hang.
func (s *saved) use(ctx context.Context, read bool, holders []*saved) {
	defer close(s.released)
	complete := !read || s.load(ctx)
	close(s.loaded)
	if !complete {
		return // the file has more than there is to write
	}
	for _, h := range holders {
		if !h.awaitRelease(ctx) {
			return // what it would write is that of a configuration that was discarded
		}
	}
	if len(holders) > 0 {
		s.writer.Touch() // the file is another's
	}
	s.disk.write(ctx, s.writer)
}

// awaitRelease waits until the file is written no more; false if ctx is done
// before.
func (s *saved) awaitRelease(ctx context.Context) bool {
	select {
	case <-s.released: // first, since both can be
		return true
	default:
	}
	select {
	case <-s.released:
		return true
	case <-ctx.Done():
		return false
	}
}

// load takes over the snapshot, if there is one to use. Of one of the same prefix
// the serial goes on in any case: it was shown, and never goes back. It reports false
// where ctx was done before.
func (s *saved) load(ctx context.Context) bool {
	c, err := read(s.disk, s.path, s.root)
	switch {
	case errors.Is(err, fs.ErrNotExist): // the first start
		return ctx.Err() == nil
	case err != nil:
		c = nil
	case len(s.ranges) == 0:
		s.writer.Loaded(c.header)
		c.dropOld(s.maxAge)
	default:
		if err = c.checkRanges(s.ranges, s.maxAge); err != nil {
			err = fmt.Errorf("snapshot %q %w", s.path, err)
			c.header.Ranges = nil // the serial goes on
		} else {
			s.writer.Loaded(c.header)
		}
	}
	if err != nil {
		s.log.Warn("starting without the snapshot", "path", s.path, "error", err)
	}
	if ctx.Err() != nil {
		return false
	}
	if c == nil {
		return true
	}
	if !s.restore(ctx, c) {
		return false
	}
	if len(c.header.Ranges) > 0 {
		gen := s.store.Load()
		s.log.Info("answering from the snapshot until etcd is in contact", "path", s.path,
			"instances", gen.Instances(), "services", gen.Services(), "revision", gen.Revision(), "age", c.oldest())
	}
	return true
}
