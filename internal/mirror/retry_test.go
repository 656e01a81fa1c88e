package mirror

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// TestRetriesBackOff checks the pauses between lists that fail, and that "live"
// comes within one pause of etcd's return.
func TestRetriesBackOff(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) { f.down = true }, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.at(time.Minute)
		pause := retryBase
		for i := 1; i < len(f.look().lists); i++ {
			if got := f.look().lists[i].Sub(f.look().lists[i-1]); got < pause/2 || got > pause {
				t.Errorf("pause %d is %v, want %v to %v", i, got, pause/2, pause)
			}
			pause = min(2*pause, retryLimit)
		}
		if n := len(f.look().lists); n < 30 {
			t.Errorf("%d lists in a minute, want 30 at least", n)
		}
		if got := g.Mirror.Status(); !errors.Is(got.Err, errDown) || got.State != Unsynced {
			t.Errorf("status %+v, want unsynced with the error of the list", got)
		}
		f.set(func() { f.down = false })
		g.passed(retryLimit)
		g.wantState(Live)
		if g.rec.look().failed[0] != ReasonList {
			t.Errorf("failed for %v, want %v", g.rec.look().failed[0], ReasonList)
		}
	})
}

// TestWatchThatNeverWorksBacksOff checks that lists that work don't hide that
// the watch doesn't.
func TestWatchThatNeverWorksBacksOff(t *testing.T) {
	t.Parallel()
	scenario(t, func(f *fakeEtcd) {
		f.onStream = func(context.Context) error { return errDown }
	}, func(t *testing.T, f *fakeEtcd, g *rig) {
		g.at(time.Minute)
		g.wantState(Live) // lists are contact
		if n := len(f.look().lists); n < 30 || n > 70 {
			t.Errorf("%d lists in a minute, want one in 1 to 2 s", n)
		}
	})
}

// TestBackoffStartsAnew checks that a watch that worked ends a row of failures,
// and that it does so once.
func TestBackoffStartsAnew(t *testing.T) {
	t.Parallel()
	scenario(t, nil, func(t *testing.T, f *fakeEtcd, g *rig) {
		for round := range 10 {
			g.passed(progressEvery)
			f.end()
			ended := time.Now()
			g.passed(retryBase)
			if n := len(f.look().opened); n != round+2 {
				t.Fatalf("%d watches opened after %d that worked, want %d", n, round+1, round+2)
			}
			if pause := f.look().opened[round+1].Sub(ended); pause > retryBase {
				t.Errorf("pause %v after a watch that worked", pause)
			}
		}
		g.passed(progressEvery)
		f.set(func() { f.down = true })
		f.end()
		before := len(f.look().lists)
		g.passed(time.Minute)
		if n := len(f.look().lists) - before; n > 70 {
			t.Errorf("%d lists in a minute of an etcd that is away, want one in 1 to 2 s", n)
		}
	})
}

// TestManyMirrors has many mirrors lose the same etcd, in each way: they
// don't return to it at the same time.
func TestManyMirrors(t *testing.T) {
	t.Parallel()
	const (
		mirrors = 400
		slice   = 100 * time.Millisecond
	)
	for name, lose := range map[string]func(*fakeEtcd){
		"away for a minute": func(f *fakeEtcd) {
			f.set(func() { f.down = true })
			f.end()
			time.Sleep(time.Minute)
			f.set(func() { f.down = false })
		},
		"compacted": func(f *fakeEtcd) {
			f.set(func() { f.deaf = true })
			f.put("/r/n/s/a", "2")
			f.put("/r/n/s/a", "3")
			f.compact()
			f.hear()
		},
		"changed without a word": func(f *fakeEtcd) {
			losing(f, "a")
			f.put("/r/n/s/a", "2")
			f.end()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := newFake()
				f.put("/r/n/s/a", "1")
				rigs := make([]*rig, mirrors)
				for i := range rigs {
					rigs[i] = start(t, f)
				}
				time.Sleep(progressEvery)
				lose(f)
				back := time.Now()
				before := len(f.look().lists)
				time.Sleep(10 * time.Second)
				synctest.Wait()
				seen := f.look()
				counts := map[time.Duration]int{}
				for _, at := range slices.Concat(seen.lists[before:], seen.audits) {
					if at.After(back) {
						counts[at.Sub(back)/slice]++
					}
				}
				peak := slices.Max(slices.Collect(maps.Values(counts)))
				t.Logf("%d mirrors: at most %d reads in %v", mirrors, peak, slice)
				if peak > mirrors/5 {
					t.Errorf("%d of %d mirrors read within %v", peak, mirrors, slice)
				}
				for _, g := range rigs {
					g.wantState(Live)
					g.wantEqual()
				}
			})
		})
	}
}
