package replica

import (
	"iter"
	"slices"
	"strings"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/services"
	"github.com/rosterdns/roster/internal/snapshot"
)

// maxCached bounds the ranges that are cached: as many as a client has that reads
// 64 services in each of 64 namespaces. The snapshot's header has room for several
// times that.
const maxCached = 64 * 64

// Follow has a range listed and watched, into the store, until as many calls of
// Unfollow.
func (r *Replica) Follow(rng string) *mirror.Range {
	r.mu.Lock()
	defer r.mu.Unlock()
	followed := r.mirror.Follow(rng, r.view)
	r.stored[followed]++
	return followed
}

// FollowInto has a range listed and watched, into another view. It is no part of
// the snapshot.
func (r *Replica) FollowInto(rng string, view mirror.View) *mirror.Range {
	return r.mirror.Follow(rng, view)
}

// Unfollow ends what Follow or FollowInto began. With a snapshot, what is in the
// store stays there as a cached range, as good as the file, until it is too old.
func (r *Replica) Unfollow(rng *mirror.Range) {
	r.mu.Lock()
	stored := r.stored[rng] > 0
	if stored {
		if r.stored[rng]--; r.stored[rng] == 0 {
			delete(r.stored, rng)
		}
	}
	r.mu.Unlock()
	r.mirror.Unfollow(rng, stored && r.cfg.Snapshot != "")
}

// forgetOld drops cached ranges that are too old, and beyond maxCached those that
// are oldest.
func (r *Replica) forgetOld() {
	if len(r.cfg.Ranges) > 0 {
		return // all that there is is followed
	}
	cached := r.cached()
	slices.SortFunc(cached, func(a, b mirror.RangeStatus) int { return b.Contact.Compare(a.Contact) })
	for i, s := range cached {
		if i >= maxCached || checkAge(rangeOf(r.root(), s), r.cfg.SnapshotMaxAge) != nil {
			r.mirror.Forget(s.Range)
		}
	}
}

// cached returns the state of the ranges that are followed no more, or come from a
// snapshot.
func (r *Replica) cached() []mirror.RangeStatus {
	return slices.DeleteFunc(r.mirror.Ranges(), func(s mirror.RangeStatus) bool { return !s.Cached })
}

func rangeOf(root string, s mirror.RangeStatus) snapshot.Range {
	return snapshot.Range{Prefix: root + s.Range, Revision: s.Revision, Contact: s.Contact}
}

// take returns what a snapshot has. Which ranges it covers is asked before the
// contents are, which have at least those; their state comes last, so that a replica
// which starts from it is told of no lower revision than was seen.
func (r *Replica) take() (snapshot.Header, iter.Seq[snapshot.Entry], bool) {
	r.forgetOld()
	covered, complete := r.storedRanges()
	if !complete && len(r.cfg.Ranges) > 0 {
		return snapshot.Header{}, nil, false
	}
	gen, entries := r.contents()
	h := snapshot.Header{
		Root: r.root(), Serial: gen.FullSerial(), Offset: gen.SerialOffset(), Revision: gen.Revision(), Cluster: r.mirror.Status().Cluster,
	}
	ranges, _ := r.storedRanges()
	for _, s := range ranges {
		if _, found := slices.BinarySearchFunc(covered, s, compareRanges); found {
			h.Ranges = append(h.Ranges, rangeOf(h.Root, s))
		}
	}
	return h, entries, len(h.Ranges) > 0
}

// contents returns what is served, and what a snapshot has of it.
func (r *Replica) contents() (*services.Generation, iter.Seq[snapshot.Entry]) {
	if r.guard != nil {
		return r.guard.Snapshot()
	}
	gen := r.store.Load()
	return gen, gen.Entries()
}

// storedRanges returns the ranges of which there is something in the store, in
// order, each once; and whether those are all that are followed.
func (r *Replica) storedRanges() (ranges []mirror.RangeStatus, complete bool) {
	complete = true
	ranges = r.cached()
	r.mu.Lock()
	for rng := range r.stored {
		if s := rng.Status(); s.State != mirror.Unsynced {
			ranges = append(ranges, s)
		} else {
			complete = false
		}
	}
	r.mu.Unlock()
	// Of one that is both, cached and followed again, what is cached is the newest
	// that is known, or about to be superseded.
	slices.SortStableFunc(ranges, compareRanges)
	return slices.CompactFunc(ranges, func(a, b mirror.RangeStatus) bool { return a.Range == b.Range }), complete
}

func compareRanges(a, b mirror.RangeStatus) int { return strings.Compare(a.Range, b.Range) }
