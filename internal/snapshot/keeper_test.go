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

// TestKeeperInterval: a first change is written at once, later ones after
// minInterval, together.
func TestKeeperInterval(t *testing.T) {
	t.Parallel()
	keeping(t, func(g *rig) {
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

// TestKeeperShare: writes that take long are rarer, and no further apart once
// they are fast again.
func TestKeeperShare(t *testing.T) {
	t.Parallel()
	keeping(t, func(g *rig) {
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

// TestKeeperRefresh: without changes the file is written for the time of last
// contact.
func TestKeeperRefresh(t *testing.T) {
	t.Parallel()
	keeping(t, func(g *rig) {
		g.at(refreshEvery - 1)
		g.wantWrites()
		g.at(10*time.Second + refreshEvery)
		g.wantWrites(refreshEvery)
		g.touch()
		g.at(10*time.Second + 3*refreshEvery)
		g.wantWrites(10*time.Second+refreshEvery, 10*time.Second+2*refreshEvery, 10*time.Second+3*refreshEvery)
	})
}

// TestKeeperSlowRefresh: the share holds for refreshes too.
func TestKeeperSlowRefresh(t *testing.T) {
	t.Parallel()
	keeping(t, func(g *rig) {
		const slow = 4 * time.Second
		g.set(func() { g.slow = slow })
		g.at(3 * maxShare * slow)
		g.wantWrites(refreshEvery, refreshEvery+maxShare*slow, refreshEvery+2*maxShare*slow)
	})
}

// TestKeeperChangeDuringWrite is for the next write.
func TestKeeperChangeDuringWrite(t *testing.T) {
	t.Parallel()
	keeping(t, func(g *rig) {
		g.set(func() { g.during = g.Touch })
		g.touch()
		g.set(func() { g.during = nil })
		g.at(time.Minute - 1)
		g.wantWrites(0, minInterval)
	})
}

// TestKeeperNothing: there is nothing to write at first, and it doesn't delay
// what comes then.
func TestKeeperNothing(t *testing.T) {
	t.Parallel()
	keeping(t, func(g *rig) {
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

// TestKeeperTouchedTooEarly: what a touch tells of is written although Take
// knew nothing of it yet, without another touch.
func TestKeeperTouchedTooEarly(t *testing.T) {
	t.Parallel()
	keeping(t, func(g *rig) {
		g.set(func() { g.nothing = true })
		g.touch()
		g.at(2*minInterval + time.Second)
		g.set(func() { g.nothing = false })
		g.at(refreshEvery)
		g.wantWrites(3 * minInterval)
	})
}

// TestKeeperEnd: what is not on disk is written when the context ends, whatever
// the interval; what is, isn't again.
func TestKeeperEnd(t *testing.T) {
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
			keeping(t, func(g *rig) {
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

// TestKeeperEndBeforeFirstWrite writes what there is.
func TestKeeperEndBeforeFirstWrite(t *testing.T) {
	t.Parallel()
	keeping(t, func(g *rig) {
		g.stop()
		g.wantWrites(0)
		wantSnapshot(g.t, g.path, testHeader(), testEntries())
	})
}

// TestKeeperEndDuringWrite waits for the write under way, then writes what
// changed meanwhile.
func TestKeeperEndDuringWrite(t *testing.T) {
	t.Parallel()
	keeping(t, func(g *rig) {
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

// TestKeeperFails tells of failure and recovery once each, and tries on for
// what was not written.
func TestKeeperFails(t *testing.T) {
	t.Parallel()
	keeping(t, func(g *rig) {
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
			g.wantLogged(`level=WARN|can't be written|path=` + g.path + `|no such file|make its folder`)
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

// TestKeeperEndAfterFailure tries once more.
func TestKeeperEndAfterFailure(t *testing.T) {
	t.Parallel()
	keeping(t, func(g *rig) {
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

// TestKeeperWithoutObserver: Written can be nil.
func TestKeeperWithoutObserver(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "snapshot")
	k := NewKeeper(KeeperConfig{
		Path: path, Log: slog.New(slog.DiscardHandler),
		Take: func() (Header, iter.Seq[Entry], bool) { return testHeader(), slices.Values(testEntries()), true },
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	k.Run(ctx)
	wantSnapshot(t, path, testHeader(), testEntries())
}

// TestTwoKeepers of one path take turns with whole files.
func TestTwoKeepers(t *testing.T) {
	t.Parallel()
	path := newFile(t, generation(0), generationEntries(0))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for range 2 {
		k := NewKeeper(KeeperConfig{
			Path: path, Log: slog.New(slog.DiscardHandler),
			Take: func() (Header, iter.Seq[Entry], bool) { return generation(1), generationSeq(1), true },
			Written: func(_ int64, _ time.Duration, err error) {
				if err != nil {
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
