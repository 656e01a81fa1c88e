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

// WriterConfig says what a Writer writes, and where.
type WriterConfig struct {
	// Path is the file.
	Path string
	// Take returns what there is to write, or false if that is nothing yet, after
	// which it is asked again every two seconds. It is called by Run's goroutine,
	// which then goes through the entries as Write does.
	Take func() (Header, iter.Seq[Entry], bool)
	// Log gets a line when writing begins to fail and one when it works again.
	Log *slog.Logger
	// Written is told of each write, for metrics: the size of the file in bytes,
	// 0 after an error, and the time it took. It is called by Run's goroutine and
	// can be nil.
	Written func(size int64, took time.Duration, err error)
}

// Writer writes a snapshot when something has changed: at most every two
// seconds, and less often where writing takes more than a twentieth of the time;
// and every minute in any case, for the time of last contact. What fails is
// tried again at the same pace.
type Writer struct {
	cfg     WriterConfig
	touched chan struct{} // holds a token after Touch

	// Of Run's goroutine:
	unwritten bool      // something was touched after what was last written
	earliest  time.Time // for the next write
	refresh   time.Time // when to write even if nothing is touched
	written   Header    // what the file has: by the last write that worked, or Loaded
	loaded    bool      // the file is still that of Loaded
	failing   bool
}

// NewWriter returns a writer, which does nothing until Run.
func NewWriter(cfg WriterConfig) *Writer {
	return &Writer{cfg: cfg, touched: make(chan struct{}, 1)}
}

// Loaded says that the file is what the process has started from, with this
// header. Until something differs from it, there is nothing to write: to write the
// same again would hold up the first write that is news by the interval. It is
// called before Run.
func (w *Writer) Loaded(h Header) {
	w.written, w.loaded = h, true
	w.written.Ranges = slices.Clone(h.Ranges)
}

// Touch says that something has changed. It never blocks, and is safe for
// concurrent use.
func (w *Writer) Touch() {
	select {
	case w.touched <- struct{}{}:
	default: // a token for what comes after the last write is there
	}
}

// Run writes until ctx is done, and then one last time, without regard to the
// interval, if anything differs from what is on disk. It returns when the disk
// has it. It is called once.
func (w *Writer) Run(ctx context.Context) {
	w.refresh = time.Now().Add(refreshEvery)
	for w.wait(ctx) {
		w.write(false)
	}
	w.write(true)
}

// wait waits until it is time to write; false if ctx is done before.
func (w *Writer) wait(ctx context.Context) bool {
	for {
		due := w.earliest
		if !w.unwritten && w.refresh.After(due) {
			due = w.refresh
		}
		t := time.NewTimer(time.Until(due))
		select {
		case <-ctx.Done():
			t.Stop()
			return false
		case <-w.touched:
			t.Stop()
			w.unwritten = true
		case <-t.C:
			return ctx.Err() == nil
		}
	}
}

// write writes what there is. The last time only if it differs from the file.
func (w *Writer) write(last bool) {
	select { // before Take, so that a later change is for the next write
	case <-w.touched:
		w.unwritten = true
	default:
	}
	start := time.Now()
	w.refresh = start.Add(refreshEvery)
	header, entries, ok := w.cfg.Take()
	if !ok {
		// A touch can run ahead of what Take goes by: asked again before long. Not
		// by way of earliest, so that the next touch isn't held up.
		w.unwritten = false
		w.refresh = start.Add(minInterval)
		return
	}
	if (w.loaded || last && !w.unwritten) && header.equal(w.written) {
		w.unwritten = false
		return
	}
	w.loaded = false
	size, err := Write(w.cfg.Path, header, entries)
	took := time.Since(start)
	w.earliest = start.Add(max(minInterval, maxShare*took))
	w.unwritten = err != nil
	if err == nil {
		w.written = header
		w.written.Ranges = slices.Clone(header.Ranges)
	}
	w.report(err)
	if w.cfg.Written != nil {
		w.cfg.Written(size, took, err)
	}
}

// report logs the first failure and the first success after it.
func (w *Writer) report(err error) {
	failed := err != nil
	if failed == w.failing {
		return
	}
	w.failing = failed
	if failed {
		w.cfg.Log.Warn("the snapshot can't be written: retrying; until then a restart without etcd uses the previous one",
			"path", w.cfg.Path, "error", err)
		return
	}
	w.cfg.Log.Info("the snapshot is written again", "path", w.cfg.Path)
}

// equal reports whether two headers say the same.
func (h *Header) equal(other Header) bool {
	return h.Cluster == other.Cluster && h.Root == other.Root && h.Serial == other.Serial && h.Offset == other.Offset && h.Revision == other.Revision && h.Presentation == other.Presentation &&
		slices.EqualFunc(h.Ranges, other.Ranges, func(a, b Range) bool {
			return a.Prefix == b.Prefix && a.Revision == b.Revision && a.Contact.Equal(b.Contact)
		})
}
