package services

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/mirror"
)

// hotService returns the large service of hotEvents.
func hotService(s *Store) *Service { return s.Load().Service("default", "hot") }

// lineage is an attachment that says of which versions it was made.
type lineage struct{ revision, before int64 }

func buildLineage(s *Service, before any) any {
	if before == nil {
		return lineage{s.Revision, 0}
	}
	return lineage{s.Revision, before.(lineage).revision}
}

// TestInheritedAttachment: that of a large service is made of the last one that an
// earlier version had, however many versions nobody asked since, and only once.
func TestInheritedAttachment(t *testing.T) {
	t.Parallel()
	for n, inherits := range map[int]bool{maxRun: false, maxRun + 1: true} {
		events := hotEvents(n)
		s := listed(t, events)
		revision := hotService(s).Revision
		want := lineage{revision, 0}
		if got := hotService(s).Attachment(buildLineage); got != want {
			t.Errorf("%d instances: %v, want %v", n, got, want)
		}
		last := revision
		for range 3 {
			for range 2 { // of which the first one is not asked
				revision++
				ev := events[7]
				ev.ModRevision, ev.Value = revision, benchValue(int(revision))
				apply(s, batch(ev))
			}
			want := lineage{revision, 0}
			if inherits {
				want.before = last
			}
			if got := hotService(s).Attachment(buildLineage); got != want {
				t.Errorf("%d instances: %v, want %v", n, got, want)
			}
			if hotService(s).before.Load() != nil {
				t.Error("a version still refers to one before")
			}
			last = revision
		}
	}
}

// TestSince compares what Since yields of random versions with their instances.
func TestSince(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	s := listed(t, hotEvents(900))
	versions := []*Service{hotService(s)}
	revision := versions[0].Revision
	for range 60 {
		var events []mirror.Event
		for range 1 + rng.IntN(40) {
			revision++
			ev := mirror.Event{Key: fmt.Sprintf("default/hot/i%06d", rng.IntN(1200)), ModRevision: revision}
			if ev.Deleted = rng.IntN(3) == 0; !ev.Deleted {
				ev.Value, ev.Lease = benchValue(rng.IntN(5)), lease
			}
			events = append(events, ev)
		}
		apply(s, batch(events...))
		versions = append(versions, hotService(s))
	}
	for range 60 {
		old, next := versions[rng.IntN(len(versions))], versions[rng.IntN(len(versions))]
		have := maps.Collect(byID(old))
		last := ""
		for a, b := range next.Since(old) {
			in := b
			if b == nil {
				in = a
			}
			if in.ID <= last || a != nil && (have[in.ID] != a || b != nil && a.ID != b.ID) {
				t.Fatalf("after %s: %v, %v", last, a, b)
			}
			last = in.ID
			if delete(have, in.ID); b != nil {
				have[in.ID] = b
			}
		}
		if want := maps.Collect(byID(next)); !maps.Equal(have, want) {
			t.Fatalf("from %d to %d: other instances", old.Revision, next.Revision)
		}
	}
}

func byID(s *Service) func(func(string, *catalog.Instance) bool) {
	return func(yield func(string, *catalog.Instance) bool) {
		for in := range s.All() {
			if !yield(in.ID, in) {
				return
			}
		}
	}
}

// TestSinceOne: it costs no more than the runs that changed.
func TestSinceOne(t *testing.T) {
	t.Parallel()
	events := hotEvents(20_000)
	s := listed(t, events)
	old := hotService(s)
	ev := events[12_345]
	ev.ModRevision, ev.Value = old.Revision+1, benchValue(1)
	apply(s, batch(ev))
	a, b := unshared(old.instances.runs, hotService(s).instances.runs)
	if len(a) != len(b) || len(a) > maxRun {
		t.Errorf("%d and %d entries are compared, want those of a run", len(a), len(b))
	}
	ids := slices.Collect(func(yield func(string) bool) {
		for _, in := range hotService(s).Since(old) {
			yield(in.ID)
		}
	})
	if want := strings.TrimPrefix(ev.Key, "default/hot/"); !slices.Equal(ids, []string{want}) {
		t.Errorf("%q, want %s", ids, want)
	}
}
