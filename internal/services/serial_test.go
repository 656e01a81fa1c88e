package services

import (
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/rosterdns/roster/internal/mirror"
)

// touches makes the values of touch differ.
var touches atomic.Int64

// touch is an event that changes what is served.
func touch(revision int64) mirror.Event {
	return put(revision, "n/s/a", value(1+int(touches.Add(1)%60_000), ""))
}

func TestSerial(t *testing.T) {
	t.Parallel()
	type step struct {
		b    commit
		want uint32
	}
	progress := func(r int64) commit { return commit{Revision: r} }
	change := func(r int64) commit { return batch(touch(r)) }
	page := commit{Events: []mirror.Event{touch(1)}}
	unlisted := commit{Events: []mirror.Event{touch(1)}, Unlisted: true}
	restored := func(r int64, events ...mirror.Event) commit {
		return commit{Events: events, Revision: r, Regressed: true}
	}
	const (
		wrap    = 1 << 32
		largest = 1<<31 - 1 // step forward
	)
	tests := []struct {
		name  string
		steps []step
	}{
		{"follows the revision", []step{{progress(7), 7}, {change(9), 9}, {progress(9), 9}, {progress(1000), 1000}}},
		{"pages of a list", []step{{page, 1}, {page, 1}, {progress(5), 5}, {change(6), 6}, {page, 6}, {progress(8), 8}}},
		{"a list at the same revision that changes something", []step{{progress(5), 5}, {page, 5}, {progress(5), 6}, {progress(6), 6}, {change(7), 7}}},
		{"restored", []step{{change(100), 100}, {restored(40), 101}, {change(41), 102}, {progress(60), 121}, {change(200), 261}}},
		{"restored twice", []step{{change(100), 100}, {restored(40, touch(40)), 101}, {restored(10, touch(10)), 102}, {change(11), 103}}},
		{"restored, with pages", []step{{change(100), 100}, {page, 100}, {restored(40), 101}, {page, 101}, {progress(41), 102}}},
		{"low 32 bits", []step{{progress(3*wrap + 17), 17}, {change(3*wrap + 18), 18}}},
		{"wraps without 0", []step{{change(wrap - 1), wrap - 1}, {change(wrap), 1}, {change(wrap + 1), 2}, {change(wrap + 2), 3}, {progress(wrap + 10), 10}}},
		{"first one without 0", []step{{progress(2 * wrap), 1}, {change(2*wrap + 1), 2}}},
		{"restored across a wrap", []step{{change(wrap - 1), wrap - 1}, {restored(5), 1}, {change(6), 2}}},
		{"largest step", []step{{change(10), 10}, {change(10 + largest), 10 + largest}}},
		{"a change while no list is complete", []step{{progress(5), 5}, {unlisted, 6}, {progress(6), 6}, {progress(9), 9}}},
		{"too large a step", []step{{change(10), 10}, {change(11 + largest), 11}, {change(12 + largest), 12}, {progress(20 + largest), 20}}},
		{"mirrors that are not in step", []step{
			{change(10), 10}, {progress(8), 10}, {change(9), 11}, {progress(10), 11}, {change(11), 12}, {progress(20), 20},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, _ := newStore(t)
			p := pager{View: s}
			if got := s.Load().Serial(); got != 1 {
				t.Fatalf("serial %d before the first list, want 1", got)
			}
			for i, step := range tt.steps {
				p.apply(step.b)
				if got := s.Load().Serial(); got != step.want {
					t.Fatalf("step %d: serial %d, want %d", i, got, step.want)
				}
			}
		})
	}
}

// TestRevision checks that the revision goes back with etcd's, and only then.
func TestRevision(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	p := pager{View: s}
	for i, step := range []struct {
		b    commit
		want int64
	}{
		{commit{Events: []mirror.Event{touch(3)}}, 0},
		{commit{Revision: 5}, 5},
		{batch(touch(4)), 5}, // of a mirror that is behind another
		{commit{Revision: 3, Regressed: true}, 3},
		{commit{Events: []mirror.Event{touch(9)}}, 3},
		{batch(touch(10)), 10},
	} {
		p.apply(step.b)
		if got := s.Load().Revision(); got != step.want {
			t.Errorf("step %d: revision %d, want %d", i, got, step.want)
		}
	}
}

// TestSerialAlwaysRises applies random batches: each that shows a change raises
// the serial in the sense of RFC 1982, none lowers it, and it is never 0.
func TestSerialAlwaysRises(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
		t.Parallel()
		rng := rand.New(rand.NewPCG(seed, 0))
		s, _ := newStore(t)
		p := pager{View: s}
		revision := int64(1<<32 - 50) // soon to wrap
		apply(s, commit{Revision: revision})
		pending := false
		for i := range 20_000 {
			b := commit{Revision: revision}
			switch rng.IntN(10) {
			case 0, 1, 2, 3:
				revision += 1 + rng.Int64N(3)
				b = batch(touch(revision))
			case 4:
				revision += rng.Int64N(1 << 33)
				b.Revision = revision
			case 5, 6:
				b = commit{Events: []mirror.Event{touch(revision)}}
			case 7:
				if old := revision; rng.IntN(10) == 0 {
					revision = 1 + rng.Int64N(old)
					b = commit{Revision: revision, Regressed: revision < old}
				}
			case 8:
				b = batch(touch(max(1, revision-rng.Int64N(5))))
			}
			old := s.Load().Serial()
			p.apply(b)
			serial := s.Load().Serial()
			pending = pending || len(b.Events) > 0
			rose := int32(serial - old)
			if serial == 0 || rose < 0 || b.Revision != 0 && pending && rose == 0 {
				t.Fatalf("batch %d (%+v): serial %d after %d", i, b, serial, old)
			}
			if b.Revision != 0 {
				pending = false
			}
		}
	})
}

// TestEqualServersShowEqualSerials compares one that follows event by event with
// one that lists now and then.
func TestEqualServersShowEqualSerials(t *testing.T) {
	t.Parallel()
	watching, _ := newStore(t)
	listing, _ := newStore(t)
	p := pager{View: listing}
	for r := int64(2); r < 100; r++ {
		apply(watching, batch(touch(r)))
		if r%10 == 0 {
			p.apply(commit{Events: []mirror.Event{touch(r)}})
			p.apply(commit{Revision: r})
			if a, b := watching.Load().Serial(), listing.Load().Serial(); a != b {
				t.Fatalf("at revision %d serials are %d and %d", r, a, b)
			}
		}
	}
}

// restoredFrom returns a store that starts from what another has, as from a
// snapshot.
func restoredFrom(t *testing.T, was *Generation) *Store {
	t.Helper()
	s, _ := newStore(t)
	var events []mirror.Event
	for e := range was.Entries() {
		events = append(events, restored(e))
	}
	s.RestoreSerial(was.FullSerial(), was.SerialOffset(), was.Revision())
	apply(s, commit{Cause: mirror.CauseRestore, Events: events, Revision: was.Revision()})
	return s
}

// TestSerialAheadOfItsOffset: where the serial had to rise beyond what the
// revision says, a server that starts from a snapshot or is reloaded meets the
// others again, as one that was not does.
func TestSerialAheadOfItsOffset(t *testing.T) {
	t.Parallel()
	s, _ := newStore(t)
	apply(s, batch(touch(100)))
	apply(s, commit{Revision: 40, Regressed: true})
	apply(s, batch(touch(50)))
	apply(s, batch(touch(49))) // of a mirror that is behind another
	was := s.Load()
	restored := restoredFrom(t, was)
	reloaded, _ := newStore(t)
	reloaded.Continue(was)
	if was.Serial() != 112 || restored.Load().Serial() != 112 || reloaded.Load().Serial() != 112 {
		t.Fatalf("serials %d, %d, %d, want 112", was.Serial(), restored.Load().Serial(), reloaded.Load().Serial())
	}
	for r := int64(60); r < 63; r++ {
		ev := touch(r)
		for name, one := range map[string]*Store{"going on": s, "restored": restored, "reloaded": reloaded} {
			apply(one, batch(ev))
			if got, want := one.Load().Serial(), uint32(r+61); got != want {
				t.Errorf("%s: serial %d at revision %d, want %d", name, got, r, want)
			}
		}
	}
}

// TestSerialOfAnotherCluster: servers that a reload sends to a cluster whose
// revisions are lower show equal serials there, however its changes come.
func TestSerialOfAnotherCluster(t *testing.T) {
	t.Parallel()
	old, _ := newStore(t)
	apply(old, batch(touch(1_000_000)))
	one, _ := newStore(t)
	other, _ := newStore(t)
	first, second, third := touch(50), touch(51), touch(52)
	for _, s := range []*Store{one, other} {
		between, _ := newStore(t) // a reload that another follows at once
		between.Continue(old.Load())
		s.Continue(between.Load())
		apply(s, commit{Events: []mirror.Event{first}, Revision: 50})
		if got := s.Load().Serial(); got != 1_000_001 {
			t.Errorf("serial %d after the first list, want 1000001", got)
		}
	}
	apply(one, batch(second))
	apply(one, batch(third))
	apply(other, batch(second, third)) // etcd puts what a slow watch has missed into one response
	if x, y := one.Load().Serial(), other.Load().Serial(); x != 1_000_003 || y != x {
		t.Errorf("serials %d and %d, want 1000003", x, y)
	}
}
