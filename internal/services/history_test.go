package services

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rosterdns/roster/internal/mirror"
)

// TestSinceRandom compares, after each of many random commits, what has changed since
// each serial so far with the states that were shown under them.
func TestSinceRandom(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	rng := rand.New(rand.NewPCG(seed, 0))
	s, _ := newStore(t)
	was := map[uint32][]string{}
	revision := int64(5)
	for range 300 {
		var events []mirror.Event
		for range rng.IntN(4) { // none is progress without a change
			key := fmt.Sprintf("n%d/s%d/i%d", rng.IntN(2), rng.IntN(4), rng.IntN(3))
			if rng.IntN(3) > 0 {
				events = append(events, put(revision+1, key, value(1+rng.IntN(5), "")))
			} else {
				events = append(events, del(revision+1, key))
			}
		}
		c := commit{Events: events, Revision: revision + int64(rng.IntN(3))}
		if rng.IntN(50) == 0 {
			c.Revision, c.Regressed = 1+rng.Int64N(revision), true
		}
		revision = c.Revision
		apply(s, c)
		was[s.Load().Serial()] = show(s.Load())

		for serial, before := range was {
			h := s.Since(serial)
			if h.Before == nil {
				t.Fatalf("seed %d: serial %d isn't known at %d", seed, serial, s.Load().Serial())
			}
			if got := show(h.Before); !slices.Equal(got, before) {
				t.Fatalf("seed %d: under serial %d was %v, want %v", seed, serial, got, before)
			}
			for _, c := range h.Changes {
				name := c.name()
				if h.Before.Service(name.Namespace, name.Name) != c.Old || h.Present.Service(name.Namespace, name.Name) != c.New {
					t.Fatalf("seed %d: since %d: the change of %v is not from before to now", seed, serial, name)
				}
			}
			if want := show(s.Load()); h.Present != s.Load() || !slices.Equal(show(h.Before.with(h.Changes)), want) {
				t.Fatalf("seed %d: since %d: with the changes there is %v, want %v", seed, serial, show(h.Before.with(h.Changes)), want)
			}
		}
	}
}

// TestSinceUnknown: serials that were not shown are not known, whatever lies around
// them.
func TestSinceUnknown(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	change := func(revision int64) {
		apply(s, commit{Events: []mirror.Event{put(revision, "n/s/i", value(int(revision), ""))}, Revision: revision})
	}
	known := func(serial uint32, want bool) {
		t.Helper()
		if h := s.Since(serial); (h.Before != nil) != want {
			t.Errorf("serial %d is known: %v, want %v", serial, !want, want)
		}
	}
	known(1, false)
	change(10)
	change(20)
	known(0, false)
	known(9, false)
	known(10, true)
	known(15, false)
	known(20, true)
	known(21, false)
	known(1<<31+20, false)

	// What was shown before the serial was restored is not of this life.
	s.RestoreSerial(29, 10, 20) // and one more, since something was shown
	known(20, false)
	known(30, true)
	change(21)
	if got := s.Load().Serial(); got != 31 {
		t.Fatalf("serial %d", got)
	}
	known(30, true)

	// Nor is what was shown in another way.
	u := s.Subscribe()
	u.Next()
	s.RaiseSerial()
	if got := s.Load().Serial(); got != 32 {
		t.Fatalf("serial %d", got)
	}
	if deltas, _ := u.Next(); len(deltas) != 1 || len(deltas[0].Changes) != 0 {
		t.Errorf("subscribers see %v", deltas)
	}
	known(31, false)
	known(32, true)

	// Beyond the journal nothing is known but the state that it begins with.
	for i := range int64(maxDeltas) {
		change(22 + i)
	}
	known(32, true)
	known(31, false)
	change(22 + maxDeltas)
	known(33, true)
	known(32, false)
	if got := s.Since(33).Before.Serial(); got != 33 {
		t.Errorf("before the journal's first change is serial %d, want 33", got)
	}
	known(s.Load().Serial(), true)
	if n := len(s.journal.shown); n > maxShown {
		t.Errorf("%d serials", n)
	}
}

// TestSinceBounded: progress without changes, however much, leaves the serials known
// that are near.
func TestSinceBounded(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	for i := range int64(3 * maxShown) {
		apply(s, commit{Revision: 1 + i})
		if n := len(s.journal.shown); n > maxShown {
			t.Fatalf("%d serials", n)
		}
		for _, back := range []int64{0, min(i, maxShown/2-1)} {
			if s.Since(uint32(1+i-back)).Before == nil {
				t.Fatalf("at %d: serial of %d before isn't known", 1+i, back)
			}
		}
	}
}

// TestSinceOfASecondary: at a thousand commits a second a secondary gets the difference that
// is told once a second, and takes two more to transfer and load one.
func TestSinceOfASecondary(t *testing.T) {
	t.Parallel()
	const commits = 3 * 1000
	s, _ := newStore(t)
	for i := range int64(commits) + 1 {
		apply(s, commit{Events: []mirror.Event{put(10+i, "n/s/i", value(int(i), ""))}, Revision: 10 + i})
	}
	if h := s.Since(10); h.Before == nil || len(h.Changes) != 1 {
		t.Errorf("what has changed in %d commits isn't known: %d changes", commits, len(h.Changes))
	}
}
