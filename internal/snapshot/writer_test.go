package snapshot

import (
	"context"
	"errors"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestWriterInterval: a first change is written at once, later ones after
// minInterval, together.
func TestWriterInterval(t *testing.T) {
	t.Parallel()
	writing(t, func(g *rig) {
		g.at(time.Second)
		g.wantWrites()
		g.touch()
		g.wantWrites(time.Second)
		for i := range 10 {
			g.at(time.Second + time.Duration(i)*100*time.Millisecond)
			g.touch()
		}
		g.at(time.Second + minInterval - 1)
		g.wantWrites()
		g.at(20 * time.Second)
		g.wantWrites(time.Second + minInterval)
		g.touch()
		g.wantWrites(20 * time.Second)
		g.wantLogged()
	})
}

// TestWriterLoaded: what the file has already is not written again, so that the
// first news is written at once.
func TestWriterLoaded(t *testing.T) {
	t.Parallel()
	writingAfter(t, func(g *rig) { g.Loaded(testHeader()) }, func(g *rig) {
		g.touch()
		g.at(time.Second)
		g.wantWrites()
		g.set(func() { g.header.Serial++ })
		g.touch()
		g.wantWrites(time.Second)
		g.touch() // no longer what was loaded, whatever it is
		g.at(time.Minute)
		g.wantWrites(time.Second + minInterval)
	})
}

// TestWriterShare: writes that take long are rarer, and no further apart once
// they are fast again.
func TestWriterShare(t *testing.T) {
	t.Parallel()
	writing(t, func(g *rig) {
		g.set(func() { g.slow = time.Second })
		g.touch()
		g.at(time.Second) // done
		g.touch()
		g.at(maxShare*time.Second - 1)
		g.wantWrites(0)
		g.set(func() { g.slow = 100 * time.Millisecond }) // exactly minInterval
		g.at(maxShare * time.Second)
		g.at(maxShare*time.Second + 100*time.Millisecond)
		g.touch()
		g.at(maxShare*time.Second + minInterval + time.Second)
		g.wantWrites(maxShare*time.Second, maxShare*time.Second+minInterval)
	})
}

// TestWriterRefresh: without changes the file is written for the time of last
// contact.
func TestWriterRefresh(t *testing.T) {
	t.Parallel()
	writing(t, func(g *rig) {
		g.at(refreshEvery - 1)
		g.wantWrites()
		g.at(10*time.Second + refreshEvery)
		g.wantWrites(refreshEvery)
		g.touch()
		g.at(10*time.Second + 3*refreshEvery)
		g.wantWrites(10*time.Second+refreshEvery, 10*time.Second+2*refreshEvery, 10*time.Second+3*refreshEvery)
	})
}

// TestWriterSlowRefresh: the share holds for refreshes too.
func TestWriterSlowRefresh(t *testing.T) {
	t.Parallel()
	writing(t, func(g *rig) {
		const slow = 4 * time.Second
		g.set(func() { g.slow = slow })
		g.at(3 * maxShare * slow)
		g.wantWrites(refreshEvery, refreshEvery+maxShare*slow, refreshEvery+2*maxShare*slow)
	})
}

// TestWriterChangeDuringWrite is for the next write.
func TestWriterChangeDuringWrite(t *testing.T) {
	t.Parallel()
	writing(t, func(g *rig) {
		g.set(func() { g.during = g.Touch })
		g.touch()
		g.set(func() { g.during = nil })
		g.at(time.Minute - 1)
		g.wantWrites(0, minInterval)
	})
}

// TestWriterNothing: there is nothing to write at first, and it doesn't delay
// what comes then.
func TestWriterNothing(t *testing.T) {
	t.Parallel()
	writing(t, func(g *rig) {
		g.set(func() { g.nothing = true })
		g.touch()
		g.at(time.Second)
		g.set(func() { g.nothing = false })
		g.touch()
		g.wantWrites(time.Second)
		wantSnapshot(g.t, g.path, testHeader(), testEntries())
		g.set(func() { g.nothing = true })
		g.at(time.Hour)
		g.stop()
		g.wantWrites()
		wantSnapshot(g.t, g.path, testHeader(), testEntries())
	})
}

// TestWriterTouchedTooEarly: what a touch tells of is written although Take
// knew nothing of it yet, without another touch.
func TestWriterTouchedTooEarly(t *testing.T) {
	t.Parallel()
	writing(t, func(g *rig) {
		g.set(func() { g.nothing = true })
		g.touch()
		g.at(2*minInterval + time.Second)
		g.set(func() { g.nothing = false })
		g.at(refreshEvery)
		g.wantWrites(3 * minInterval)
	})
}

// TestWriterEnd: what is not on disk is written when the context ends, whatever
// the interval; what is, isn't again.
func TestWriterEnd(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(g *rig)
		want   []time.Duration
	}{
		{"nothing new", func(*rig) {}, nil},
		{"touched", func(g *rig) { g.Touch() }, []time.Duration{time.Second}},
		{"touched and seen", func(g *rig) { g.touch() }, []time.Duration{time.Second}},
		{"later contact", func(g *rig) {
			g.set(func() {
				g.header.Ranges = slices.Clone(g.header.Ranges)
				g.header.Ranges[0].Contact = contact.Add(time.Second)
			})
		}, []time.Duration{time.Second}},
		{"contact changed in place", func(g *rig) {
			g.set(func() { g.header.Ranges[0].Contact = contact.Add(time.Second) })
		}, []time.Duration{time.Second}},
		{"same contact in another zone", func(g *rig) {
			g.set(func() { g.header.Ranges[0].Contact = contact.Local() })
		}, nil},
		{"serial", func(g *rig) { g.set(func() { g.header.Serial++ }) }, []time.Duration{time.Second}},
		{"offset", func(g *rig) { g.set(func() { g.header.Offset++ }) }, []time.Duration{time.Second}},
		{"fewer ranges", func(g *rig) { g.set(func() { g.header.Ranges = nil }) }, []time.Duration{time.Second}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			writing(t, func(g *rig) {
				g.touch()
				g.wantWrites(0)
				g.at(time.Second)
				tt.change(g)
				g.stop()
				g.wantWrites(tt.want...)
				g.Touch() // blocks nobody afterwards
				g.Touch()
			})
		})
	}
}

// TestWriterEndBeforeFirstWrite writes what there is.
func TestWriterEndBeforeFirstWrite(t *testing.T) {
	t.Parallel()
	writing(t, func(g *rig) {
		g.stop()
		g.wantWrites(0)
		wantSnapshot(g.t, g.path, testHeader(), testEntries())
	})
}

// TestWriterEndDuringWrite waits for the write under way, then writes what
// changed meanwhile.
func TestWriterEndDuringWrite(t *testing.T) {
	t.Parallel()
	writing(t, func(g *rig) {
		g.set(func() { g.slow = time.Second })
		g.touch()
		g.touch()
		g.at(time.Second / 2)
		g.cancel()
		g.at(time.Second / 2)
		select {
		case <-g.ended:
			g.t.Error("Run has returned before its write")
		default:
		}
		g.stop()
		g.wantWrites(0, time.Second)
	})
}

// TestWriterFails tells of failure and recovery once each, and tries on for
// what was not written.
func TestWriterFails(t *testing.T) {
	t.Parallel()
	writing(t, func(g *rig) {
		folder := filepath.Dir(g.path)
		g.touch()
		g.wantWrites(0)
		for range 2 {
			if err := os.RemoveAll(folder); err != nil {
				g.t.Fatal(err)
			}
			start := time.Since(g.start).Truncate(time.Second) + 10*time.Second
			g.at(start)
			g.touch()
			g.wantLogged(`level=WARN|can't be written|path=` + g.path + `|no such file|create its folder`)
			g.at(start + 2*minInterval)
			g.wantWrites(start, start+minInterval, start+2*minInterval)
			g.wantLogged()
			if err := os.Mkdir(folder, 0o700); err != nil {
				g.t.Fatal(err)
			}
			g.at(start + 4*minInterval)
			g.wantWrites(start + 3*minInterval)
			g.wantLogged("level=INFO|written again|path=" + g.path)
			wantSnapshot(g.t, g.path, testHeader(), testEntries())
		}
		g.mu.Lock()
		defer g.mu.Unlock()
		failed := 0
		for _, err := range g.errs {
			if errors.Is(err, os.ErrNotExist) {
				failed++
			}
		}
		if failed != 6 {
			g.t.Errorf("%d failures were told of, want 6", failed)
		}
	})
}

// TestWriterEndAfterFailure tries once more.
func TestWriterEndAfterFailure(t *testing.T) {
	t.Parallel()
	writing(t, func(g *rig) {
		folder := filepath.Dir(g.path)
		if err := os.Rename(folder, folder+"2"); err != nil {
			g.t.Fatal(err)
		}
		g.touch()
		if err := os.Rename(folder+"2", folder); err != nil {
			g.t.Fatal(err)
		}
		g.at(time.Second)
		g.stop()
		g.wantWrites(0, time.Second)
		wantSnapshot(g.t, g.path, testHeader(), testEntries())
	})
}

// TestWriterWithoutObserver: Written can be nil.
func TestWriterWithoutObserver(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "snapshot")
	k := NewWriter(WriterConfig{
		Path: path, Log: slog.New(slog.DiscardHandler),
		Take: func() (Header, iter.Seq[Entry], bool) { return testHeader(), slices.Values(testEntries()), true },
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	k.Run(ctx)
	wantSnapshot(t, path, testHeader(), testEntries())
}

// TestTwoWriters of one path take turns with whole files.
func TestTwoWriters(t *testing.T) {
	t.Parallel()
	path := newFile(t, generation(0), generationEntries(0))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		k := NewWriter(WriterConfig{
			Path: path, Log: slog.New(slog.DiscardHandler),
			Take: func() (Header, iter.Seq[Entry], bool) { return generation(1), generationSeq(1), true },
			Written: func(_ int64, _ time.Duration, err error) {
				if err != nil && !errors.Is(err, errTaken) {
					t.Error(err)
				}
			},
		})
		k.Touch()
		wg.Go(func() { k.Run(ctx) })
	}
	for range 50 {
		wantGeneration(t, path)
	}
	cancel()
	wg.Wait()
	if g := wantGeneration(t, path); g != 1 {
		t.Errorf("generation %d, want 1", g)
	}
	wantFiles(t, filepath.Dir(path), "snapshot")
}
