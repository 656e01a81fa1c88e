package snapshot

import (
	"context"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// rig runs a writer in a bubble of synctest, over a real file.
type rig struct {
	*Writer
	t      *testing.T
	path   string
	cancel context.CancelFunc
	ended  chan struct{}
	start  time.Time

	mu      sync.Mutex
	header  Header
	nothing bool          // Take has nothing
	slow    time.Duration // of one write
	during  func()        // called within a write
	writes  []time.Duration
	errs    []error
	log     strings.Builder
}

// Write implements io.Writer for the log.
func (g *rig) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.log.Write(p)
}

// writing calls fn with a running writer.
func writing(t *testing.T, fn func(g *rig)) {
	t.Helper()
	writingAfter(t, func(*rig) {}, fn)
}

// writingAfter is writing, with a writer that was prepared.
func writingAfter(t *testing.T, prepare, fn func(g *rig)) {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "folder") // one that tests can take away
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		g := &rig{t: t, path: filepath.Join(folder, "snapshot"), ended: make(chan struct{}), start: time.Now(), header: testHeader()}
		g.Writer = NewWriter(WriterConfig{
			Path: g.path, Take: g.take, Written: g.note,
			Log: slog.New(slog.NewTextHandler(g, nil)),
		})
		prepare(g)
		ctx, cancel := context.WithCancel(t.Context())
		g.cancel = cancel
		go func() {
			defer close(g.ended)
			g.Run(ctx)
		}()
		fn(g)
		g.stop()
	})
}

func (g *rig) take() (Header, iter.Seq[Entry], bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	slow, during := g.slow, g.during
	passes := 0
	return g.header, func(yield func(Entry) bool) {
		if passes++; passes == 1 { // the second one is of the same write
			time.Sleep(slow)
			if during != nil {
				during()
			}
		}
		for _, e := range testEntries() {
			if !yield(e) {
				return
			}
		}
	}, !g.nothing
}

func (g *rig) note(size int64, took time.Duration, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if (size > 0) != (err == nil) || took != g.slow {
		g.t.Errorf("a write of %d bytes took %v, error %v", size, took, err)
	}
	g.writes = append(g.writes, time.Since(g.start)-took)
	g.errs = append(g.errs, err)
}

// set changes what the writer meets.
func (g *rig) set(fn func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	fn()
}

// at waits until a time after the start.
func (g *rig) at(d time.Duration) {
	g.t.Helper()
	time.Sleep(time.Until(g.start.Add(d)))
	synctest.Wait()
}

func (g *rig) touch() {
	g.Touch()
	synctest.Wait()
}

// wantWrites checks when writes began since it was asked last.
func (g *rig) wantWrites(want ...time.Duration) {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if !slices.Equal(g.writes, want) {
		g.t.Errorf("writes at %v, want %v", g.writes, want)
	}
	g.writes = nil
}

// wantLogged checks the lines since it was asked last: each has all parts of
// one, which are separated by '|'.
func (g *rig) wantLogged(want ...string) {
	g.t.Helper()
	g.mu.Lock()
	lines := slices.Collect(strings.Lines(g.log.String()))
	g.log.Reset()
	g.mu.Unlock()
	if len(lines) != len(want) {
		g.t.Fatalf("logged %q, want %q", lines, want)
	}
	for i, line := range lines {
		for part := range strings.SplitSeq(want[i], "|") {
			if !strings.Contains(line, part) {
				g.t.Errorf("logged %q, want %q in it", line, part)
			}
		}
	}
}

// stop ends the writer and waits for it.
func (g *rig) stop() {
	g.cancel()
	<-g.ended
}
