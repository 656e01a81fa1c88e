package replica

import (
	"iter"
	"slices"
	"strings"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/snapshot"
)

// maxCached bounds the ranges that are cached: as many as a client has that reads
// 64 services in each of 64 namespaces. The snapshot's header has room for several
// times that.
const maxCached = 64 * 64

// follow has a range listed and watched, into the store.
func (g *registry) follow(rng string) *mirror.Range {
	g.mu.Lock()
	defer g.mu.Unlock()
	followed := g.mirror.Follow(rng, g.guard)
	g.stored[followed]++
	return followed
}

// unfollow ends one use of a range, into the store or another view.
func (g *registry) unfollow(rng *mirror.Range) {
	g.mu.Lock()
	stored := g.stored[rng] > 0
	if stored {
		if g.stored[rng]--; g.stored[rng] == 0 {
			delete(g.stored, rng)
		}
	}
	g.mu.Unlock()
	g.mirror.Unfollow(rng, stored && g.path != "")
}

// forgetOld drops cached ranges that are too old, and beyond maxCached those that
// are oldest.
func (g *registry) forgetOld() {
	if len(g.ranges) > 0 {
		return // all that there is is followed
	}
	cached := g.cached()
	slices.SortFunc(cached, func(a, b mirror.RangeStatus) int { return b.Contact.Compare(a.Contact) })
	for i, s := range cached {
		if i >= maxCached || checkAge(rangeOf(g.root, s), g.maxAge) != nil {
			g.mirror.Forget(s.Range)
		}
	}
}

// cached returns the state of the ranges that are followed no more, or come from a
// snapshot.
func (g *registry) cached() []mirror.RangeStatus {
	return slices.DeleteFunc(g.mirror.Ranges(), func(s mirror.RangeStatus) bool { return !s.Cached })
}

func rangeOf(root string, s mirror.RangeStatus) snapshot.Range {
	return snapshot.Range{Prefix: root + s.Range, Revision: s.Revision, Contact: s.Contact}
}

// take returns what a snapshot has. Which ranges it covers is asked before the
// contents are, which have at least those; their state comes last, so that a replica
// which starts from it is told of no lower revision than was seen.
func (g *registry) take() (snapshot.Header, iter.Seq[snapshot.Entry], bool) {
	g.forgetOld()
	presentation := g.presentedBy() // before the serial that is shown with it
	covered, complete := g.storedRanges()
	if !complete && len(g.ranges) > 0 {
		return snapshot.Header{}, nil, false
	}
	gen, entries := g.guard.Snapshot()
	h := snapshot.Header{
		Root: g.root, Serial: gen.FullSerial(), Offset: gen.SerialOffset(), Revision: gen.Revision(), Cluster: g.mirror.Status().Cluster,
		Presentation: presentation,
	}
	ranges, _ := g.storedRanges()
	for _, s := range ranges {
		if _, found := slices.BinarySearchFunc(covered, s, compareRanges); found {
			h.Ranges = append(h.Ranges, rangeOf(h.Root, s))
		}
	}
	return h, entries, len(h.Ranges) > 0
}

// storedRanges returns the ranges of which there is something in the store, in
// order, each once; and whether those are all that are followed.
func (g *registry) storedRanges() (ranges []mirror.RangeStatus, complete bool) {
	complete = true
	ranges = g.cached()
	g.mu.Lock()
	for rng := range g.stored {
		if s := rng.Status(); s.State != mirror.Unsynced {
			ranges = append(ranges, s)
		} else {
			complete = false
		}
	}
	g.mu.Unlock()
	// Of one that is both, cached and followed again, what is cached is the newest
	// that is known, or about to be superseded.
	slices.SortStableFunc(ranges, compareRanges)
	return slices.CompactFunc(ranges, func(a, b mirror.RangeStatus) bool { return a.Range == b.Range }), complete
}

func compareRanges(a, b mirror.RangeStatus) int { return strings.Compare(a.Range, b.Range) }
