package snapshot

import (
	"bytes"
	"context"
	"errors"
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

// kept is a keeper inside a bubble, and what it has done.
type kept struct {
	*Keeper
	path string
	stop func()

	// What follows is locked while the keeper runs: the bubble's clock orders
	// its goroutines, which the race detector doesn't know.
	mu     sync.Mutex
	writes []time.Duration // since the start
	errs   []error
	log    bytes.Buffer

	revision int64
	slow     time.Duration // what going through the entries takes
	nothing  bool
}

func keeping(t *testing.T, run func(*kept)) {
	t.Helper()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		k := &kept{path: filepath.Join(dir, "snapshot")}
		k.Keeper = NewKeeper(KeeperConfig{
			Path: k.path,
			Take: func() (Header, iter.Seq[Entry], bool) {
				k.mu.Lock()
				defer k.mu.Unlock()
				k.writes = append(k.writes, time.Since(start))
				slow := k.slow
				return Header{Root: "/", Revision: k.revision}, func(yield func(Entry) bool) {
					time.Sleep(slow)
					slices.Values(testEntries(2))(yield)
				}, !k.nothing
			},
			Log:     slog.New(slog.NewTextHandler(&k.log, nil)),
			Written: func(_ int64, _ time.Duration, err error) { k.with(func() { k.errs = append(k.errs, err) }) },
		})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); k.Run(ctx) }()
		k.stop = func() { cancel(); <-done }
		defer k.stop()
		synctest.Wait()
		run(k)
	})
}

func (k *kept) with(do func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	do()
}

// done returns what the keeper has done so far.
func (k *kept) done() (writes []time.Duration, errs []error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.writes), slices.Clone(k.errs)
}

func passed(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func (k *kept) onDisk(t *testing.T) int64 {
	t.Helper()
	header, _, err := read(k.path)
	if err != nil {
		t.Error(err)
	}
	return header.Revision
}

// TestKeeperPace: the first change is written at once, later ones every two
// seconds, and nothing but the time of contact while nothing changes.
func TestKeeperPace(t *testing.T) {
	t.Parallel()
	keeping(t, func(k *kept) {
		k.with(func() { k.revision = 1 })
		k.Touch()
		synctest.Wait()
		if got := k.onDisk(t); got != 1 {
			t.Errorf("on disk %d after the first change", got)
		}
		for range 100 {
			passed(100 * time.Millisecond)
			k.with(func() { k.revision++ })
			k.Touch()
		}
		writes, _ := k.done()
		if n := len(writes); n != 6 {
			t.Errorf("%d writes in ten seconds of changes, want one in 2 s: %v", n, writes)
		}
		passed(minInterval)
		if got := k.onDisk(t); got != 101 {
			t.Errorf("on disk %d, want the last change", got)
		}
		before, _ := k.done()
		passed(10 * time.Minute)
		writes, _ = k.done()
		if n := len(writes) - len(before); n != 10 {
			t.Errorf("%d writes in ten minutes without a change, want 10", n)
		}
	})
}

// TestKeeperShare: writes that take long are rarer.
func TestKeeperShare(t *testing.T) {
	t.Parallel()
	keeping(t, func(k *kept) {
		k.with(func() { k.slow = time.Second })
		for range 600 {
			k.Touch()
			passed(100 * time.Millisecond)
		}
		writes, _ := k.done()
		if n := len(writes); n < 3 || n > 4 {
			t.Errorf("%d writes of a second each in a minute, want one in 20 s: %v", n, writes)
		}
	})
}

// TestKeeperLast: what is not written is, at the end, and once.
func TestKeeperLast(t *testing.T) {
	t.Parallel()
	keeping(t, func(k *kept) {
		k.Touch()
		passed(time.Millisecond)
		k.with(func() { k.revision = 2 })
		k.Touch()
		passed(time.Millisecond)
		k.stop()
		if got := k.onDisk(t); got != 2 || len(k.errs) != 2 {
			t.Errorf("on disk %d after %d writes, want 2 after 2", got, len(k.errs))
		}
	})
	keeping(t, func(k *kept) {
		k.Touch()
		passed(time.Second)
		k.stop()
		if len(k.errs) != 1 {
			t.Errorf("%d writes, want none at the end: nothing has changed", len(k.errs))
		}
	})
	keeping(t, func(k *kept) {
		k.with(func() { k.nothing = true })
		k.Touch()
		passed(time.Hour)
		k.stop()
		if _, err := os.Stat(k.path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("something was written though there was nothing: %v", err)
		}
	})
}

// TestKeeperFails logs that writing fails once, and that it works again.
func TestKeeperFails(t *testing.T) {
	t.Parallel()
	keeping(t, func(k *kept) {
		if err := os.Mkdir(k.path, 0o700); err != nil {
			t.Fatal(err)
		}
		k.Touch()
		passed(time.Minute)
		if _, errs := k.done(); len(errs) < 25 || errs[0] == nil {
			t.Errorf("%d tries in a minute: %v", len(errs), errs)
		}
		if err := os.Remove(k.path); err != nil {
			t.Fatal(err)
		}
		passed(minInterval)
		if _, errs := k.done(); errs[len(errs)-1] != nil {
			t.Errorf("still failing: %v", errs)
		}
		lines := strings.Split(strings.TrimSpace(k.log.String()), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], "can't be written") || !strings.Contains(lines[0], k.path) || !strings.Contains(lines[1], "again") {
			t.Errorf("logged %q", lines)
		}
	})
}
