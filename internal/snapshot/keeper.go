package snapshot

import (
	"context"
	"iter"
	"log/slog"
	"slices"
	"time"
)

const (
	// minInterval is the least time from the start of a write to that of the next:
	// what a kill can cost, against the wear of the disk while much changes.
	minInterval = 2 * time.Second
	// maxShare bounds the time spent on writing to one part in maxShare, which
	// leaves the processor to queries however large the mirror is.
	maxShare = 20
	// refreshEvery is how old the time of last contact on disk can be while
	// nothing changes. Ages are compared with hours.
	refreshEvery = time.Minute
)

// KeeperConfig says what a Keeper writes, and where.
type KeeperConfig struct {
	// Path is the file.
	Path string
	// Take returns what there is to keep, or false if that is nothing yet, after
	// which it is asked again every two seconds. It is called by Run's goroutine,
	// which then goes through the entries once.
	Take func() (Header, iter.Seq[Entry], bool)
	// Log gets a line when writing begins to fail and one when it works again.
	Log *slog.Logger
	// Written is told of each write, for metrics: the size of the file in bytes,
	// 0 after an error, and the time it took. It is called by Run's goroutine and
	// can be nil.
	Written func(size int64, took time.Duration, err error)
}

// Keeper writes a snapshot when something has changed: at most every two
// seconds, and less often where writing takes more than a twentieth of the time;
// and every minute in any case, for the time of last contact. What fails is
// tried again at the same pace.
type Keeper struct {
	cfg     KeeperConfig
	touched chan struct{} // holds a token after Touch

	// Of Run's goroutine:
	unwritten bool      // something was touched after what was last written
	earliest  time.Time // for the next write
	refresh   time.Time // when to write even if nothing is touched
	written   Header    // by the last write that worked
	failing   bool
}

// NewKeeper returns a keeper, which does nothing until Run.
func NewKeeper(cfg KeeperConfig) *Keeper {
	return &Keeper{cfg: cfg, touched: make(chan struct{}, 1)}
}

// Touch says that something has changed. It never blocks, and is safe for
// concurrent use.
func (k *Keeper) Touch() {
	select {
	case k.touched <- struct{}{}:
	default: // a token for what comes after the last write is there
	}
}

// Run writes until ctx is done, and then one last time, without regard to the
// interval, if anything differs from what is on disk. It returns when the disk
// has it. It is called once.
func (k *Keeper) Run(ctx context.Context) {
	k.refresh = time.Now().Add(refreshEvery)
	for k.wait(ctx) {
		k.keep(false)
	}
	k.keep(true)
}

// wait waits until it is time to write; false if ctx is done before.
func (k *Keeper) wait(ctx context.Context) bool {
	for {
		due := k.earliest
		if !k.unwritten && k.refresh.After(due) {
			due = k.refresh
		}
		t := time.NewTimer(time.Until(due))
		select {
		case <-ctx.Done():
			t.Stop()
			return false
		case <-k.touched:
			t.Stop()
			k.unwritten = true
		case <-t.C:
			return ctx.Err() == nil
		}
	}
}

// keep writes what there is. The last time only if it differs from the file.
func (k *Keeper) keep(last bool) {
	select { // before Take, so that a later change is for the next write
	case <-k.touched:
		k.unwritten = true
	default:
	}
	start := time.Now()
	k.refresh = start.Add(refreshEvery)
	header, entries, ok := k.cfg.Take()
	if !ok {
		// A touch can run ahead of what Take goes by: asked again before long. Not
		// by way of earliest, so that the next touch isn't held up.
		k.unwritten = false
		k.refresh = start.Add(minInterval)
		return
	}
	if last && !k.unwritten && header.equal(k.written) {
		return
	}
	size, err := Write(k.cfg.Path, header, entries)
	took := time.Since(start)
	k.earliest = start.Add(max(minInterval, maxShare*took))
	k.unwritten = err != nil
	if err == nil {
		k.written = header
		k.written.Ranges = slices.Clone(header.Ranges)
	}
	k.report(err)
	if k.cfg.Written != nil {
		k.cfg.Written(size, took, err)
	}
}

// report logs the first failure and the first success after it.
func (k *Keeper) report(err error) {
	failed := err != nil
	if failed == k.failing {
		return
	}
	k.failing = failed
	if failed {
		k.cfg.Log.Warn("the snapshot can't be written: a restart without etcd will know no more than the last one; trying again",
			"path", k.cfg.Path, "error", err)
		return
	}
	k.cfg.Log.Info("the snapshot is written again", "path", k.cfg.Path)
}

// equal reports whether two headers say the same.
func (h *Header) equal(other Header) bool {
	return h.Cluster == other.Cluster && h.Root == other.Root && h.Serial == other.Serial && h.Offset == other.Offset && h.Revision == other.Revision &&
		slices.EqualFunc(h.Ranges, other.Ranges, func(a, b Range) bool {
			return a.Prefix == b.Prefix && a.Revision == b.Revision && a.Contact.Equal(b.Contact)
		})
}
