package services

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/rosterdns/roster/internal/mirror"
)

// TestListIsCommittedWhole: while a list is under way readers see the generation
// before, under its serial, and nobody hears of what is skipped.
func TestListIsCommittedWhole(t *testing.T) {
	t.Parallel()
	s, sk := newStore(t)
	apply(s, batch(put(2, "n/s/a", value(1, "")), put(3, "n/t/a", value(1, ""))))
	u := s.Subscribe()
	u.Next()
	before := s.Load()
	list := s.Stage()
	stageAll(list, []mirror.Event{put(5, "n/s/a", value(2, "")), put(6, "n/s/b", "?")})
	stageAll(list, []mirror.Event{del(9, "n/t/a"), put(7, "n/u/a", value(3, ""))})
	if s.Load() != before || isClosed(u.Changed()) || len(sk.counts) != 0 || len(sk.lines()) != 0 {
		t.Errorf("a list that is not complete shows: %q, skipped %v", show(s.Load()), sk.counts)
	}
	// The watch of another range goes on meanwhile.
	apply(s, batch(put(8, "m/s/a", value(4, ""))))
	list.Commit(mirror.Commit{Cause: mirror.CauseList, Revision: 9})
	want := []string{"m/s@8: a=4/up", "n/s@5: a=2/up", "n/u@7: a=3/up"}
	if got := show(s.Load()); !slices.Equal(got, want) {
		t.Errorf("served %q, want %q", got, want)
	}
	if deltas, _ := u.Next(); len(deltas) != 2 || len(deltas[1].Changes) != 3 || deltas[1].Generation.Serial() == before.Serial() {
		t.Errorf("told of %+v, want one delta for the list", deltas)
	}
	if sk.counts[SkipValue] != 1 || len(sk.lines()) != 1 {
		t.Errorf("skipped %v", sk.counts)
	}
	if err := check(s.Load()); err != nil {
		t.Error(err)
	}
}

// TestStageThatIsDropped leaves no trace: its list failed half-way.
func TestStageThatIsDropped(t *testing.T) {
	t.Parallel()
	s, sk := newStore(t)
	apply(s, batch(put(2, "n/s/a", value(1, "")), put(3, "n/s/_status/b", `{"status":"down"}`)))
	before := s.Load()
	stageAll(s.Stage(), []mirror.Event{put(5, "n/s/b", value(2, "")), del(6, "n/s/a"), put(6, "n/s/c", "?"), put(7, "n/s/_status/d", "{}")})
	if s.Load() != before || len(s.orphans.byKey) != 1 || len(sk.counts) != 0 || len(sk.lines()) != 0 {
		t.Errorf("a dropped stage shows: %q, %v, skipped %v", show(s.Load()), s.orphans.byKey, sk.counts)
	}
}

// TestLargeService has one service of many instances change at random while
// readers walk through its versions.
func TestLargeService(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
		t.Parallel()
		rng := rand.New(rand.NewPCG(seed, 0))
		s, _ := newStore(t)
		have := map[string]int{}
		done := make(chan struct{})
		var readers sync.WaitGroup
		for range 2 {
			readers.Go(func() {
				for !isClosed(done) {
					if err := check(s.Load()); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for revision := int64(2); revision < 600; revision++ {
			c := commit{Revision: revision}
			for range 1 + rng.IntN(100) {
				id, weight := fmt.Sprintf("i%d", rng.IntN(3000)), 1+rng.IntN(9)
				if rng.IntN(3) == 0 || revision > 500 {
					c.Events = append(c.Events, del(revision, "n/s/"+id))
					delete(have, id)
				} else {
					c.Events = append(c.Events, put(revision, "n/s/"+id, value(weight, "")))
					have[id] = weight
				}
			}
			apply(s, c)
			if n := s.Load().Instances(); n != len(have) {
				t.Fatalf("%d instances at revision %d, want %d", n, revision, len(have))
			}
		}
		close(done)
		readers.Wait()
		for id, weight := range have {
			if in := s.Load().Service("n", "s").Instance(id); in == nil || int(in.Weight) != weight {
				t.Errorf("%s is %+v, want weight %d", id, in, weight)
			}
		}
	})
}

// TestCommitCostsWhatItChanges: an event costs about the same in a large service
// as in a small one, and with many overrides that have no instance.
func TestCommitCostsWhatItChanges(t *testing.T) {
	cost := func(s *Store) uint64 {
		const commits = 200
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for i := range commits {
			apply(s, batch(put(int64(1_000_000+i), fmt.Sprintf("n/s/i%04d", i), value(1+i, ""))))
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / commits
	}
	small, _ := newStore(t)
	large, _ := newStore(t)
	orphaned, _ := newStore(t)
	instances, overrides := commit{Revision: 2}, commit{Revision: 2}
	for i := range 20_000 {
		instances.Events = append(instances.Events, put(2, fmt.Sprintf("n/s/i%04d", i), value(1, "")))
		overrides.Events = append(overrides.Events, put(2, fmt.Sprintf("n/s/_status/o%04d", i), `{"status":"down"}`))
	}
	apply(large, instances)
	apply(orphaned, overrides)
	base := cost(small)
	for name, s := range map[string]*Store{"20,000 instances": large, "20,000 overrides": orphaned} {
		if got := cost(s); got > 4*base {
			t.Errorf("%s: %d bytes allocated in a commit, %d without", name, got, base)
		}
	}
}
