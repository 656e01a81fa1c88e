package services

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
)

// lastSets are the instances that are served only because they were the last of
// their service: those that were up when their keys went, in the commit after which
// none was left. Each is in the Store, and up. It is owned by a Guard.
type lastSets struct {
	// byDefault is the keep_last of services whose policy states none.
	byDefault time.Duration
	sets      map[string]*lastSet // by "namespace/service"
	// restored says the same of those that were served so before a restart, by key,
	// while it is not known yet whether they returned.
	restored map[string]time.Time
	served   int // in sets
}

// lastSet is that of one service.
type lastSet struct {
	// keep is for how long at most they are served from when they went.
	keep  time.Duration
	until map[string]time.Time // by key
}

func newLastSets(byDefault time.Duration) lastSets {
	return lastSets{byDefault: byDefault, sets: map[string]*lastSet{}, restored: map[string]time.Time{}}
}

// idle reports whether there is nothing to look after.
func (l *lastSets) idle() bool { return len(l.sets) == 0 && len(l.restored) == 0 }

// has reports whether an instance is one of these, or was before a restart.
func (l *lastSets) has(e *edit) bool {
	_, restored := l.restored[e.key]
	return restored || l.serves(e)
}

// serves reports whether an instance is one of these.
func (l *lastSets) serves(e *edit) bool {
	path, _ := e.split()
	if l.sets[path] == nil {
		return false
	}
	_, ok := l.sets[path].until[e.key]
	return ok
}

func (l *lastSets) add(path, key string, until time.Time, keep time.Duration) {
	set := l.sets[path]
	if set == nil {
		set = &lastSet{until: map[string]time.Time{}}
		l.sets[path] = set
	}
	set.keep = max(set.keep, keep)
	set.until[key] = until
	l.served++
}

// drop forgets an instance, and reports whether it was there.
func (l *lastSets) drop(path, key string) bool {
	set := l.sets[path]
	if set == nil {
		return false
	}
	if _, ok := set.until[key]; !ok {
		return false
	}
	l.served--
	if delete(set.until, key); len(set.until) == 0 {
		delete(l.sets, path)
	}
	return true
}

// all yields until when each is served, by key.
func (l *lastSets) all() iter.Seq2[string, time.Time] {
	return func(yield func(string, time.Time) bool) {
		for _, set := range l.sets {
			for key, until := range set.until {
				if !yield(key, until) {
					return
				}
			}
		}
		for key, until := range l.restored {
			if !yield(key, until) {
				return
			}
		}
	}
}

// restore takes over one from before a restart. Its time is no longer than that of
// one that begins now.
func (l *lastSets) restore(gen *Generation, key string, until, now time.Time) {
	s := gen.serviceOf(key)
	if s == nil {
		return
	}
	keep := s.policy.KeepFor(l.byDefault)
	if latest := now.Add(keep); until.After(latest) {
		until = latest
	}
	if keep > 0 {
		l.restored[key] = until
	}
}

// keep returns for how long the last set of a service stays served.
func (l *lastSets) keep(d *draft) time.Duration { return d.policy.KeepFor(l.byDefault) }

// over returns the edits that remove what has had its time, in order of key, and
// forgets that.
func (l *lastSets) over(now time.Time, revision int64) (gone []edit) {
	for path, set := range l.sets {
		for key, until := range set.until {
			if !now.Before(until) {
				gone = append(gone, edit{key: key, revision: revision, kind: deleteInstance})
				l.drop(path, key)
			}
		}
	}
	slices.SortFunc(gone, func(a, b edit) int { return strings.Compare(a.key, b.key) })
	return gone
}

// lastInspection is lastSets in the course of one commit: it holds back every
// deletion of an instance that is up until it knows whether another one is left.
type lastInspection struct {
	*lastSets
	now      time.Time
	revision int64 // of what is removed because another instance is up
	// pending are the deletions that are held back: their revisions, by
	// "namespace/service" and key.
	pending map[string]map[string]int64
	begun   begun
}

// begun is what begins to be served as a last set.
type begun struct {
	services, instances int
	service             string // one of them
	keep                time.Duration
	first               bool // nothing was served so before
}

var _ gate = (*lastInspection)(nil)

func (l *lastSets) inspect(now time.Time, c mirror.Commit, shown int64) *lastInspection {
	return &lastInspection{
		lastSets: l, now: now, revision: max(c.Revision, shown),
		pending: map[string]map[string]int64{}, begun: begun{first: l.served == 0},
	}
}

// returned implements gate.
func (in *lastInspection) returned(e *edit) {
	path, _ := e.split()
	delete(in.pending[path], e.key)
	delete(in.restored, e.key)
	in.drop(path, e.key)
}

// holds implements gate.
func (in *lastInspection) holds(e *edit, have *entry) bool {
	if in.serves(e) {
		return true
	}
	if have == nil || !have.up() {
		delete(in.restored, e.key)
		return false
	}
	path, _ := e.split()
	if in.pending[path] == nil {
		in.pending[path] = map[string]int64{}
	}
	in.pending[path][e.key] = e.revision
	return true
}

// withdraws implements gate: what an operator takes out of service goes at once.
func (in *lastInspection) withdraws(e *edit) bool {
	path, _ := e.split()
	_, pending := in.pending[path][e.key]
	delete(in.pending[path], e.key)
	return in.drop(path, e.key) || pending
}

// conclude implements gate: it removes what another instance is up in place of, and
// has the others stay.
func (in *lastInspection) conclude(touched []*draft) (gone []edit) {
	for _, d := range touched {
		pending, set := in.pending[d.path], in.sets[d.path]
		if len(pending) == 0 && set == nil {
			continue
		}
		keep, last := in.keep(d), len(pending)
		if set != nil {
			last += len(set.until)
		}
		if d.up > last {
			keep = 0 // another instance is up
		}
		if set != nil && keep < set.keep {
			gone = append(gone, in.shorten(d, set, keep)...)
		}
		gone = append(gone, in.begin(d, pending, keep)...)
	}
	return gone
}

// shorten has what a service is served by stay for no longer than a time from now
// on. It returns the deletions of all if that is none.
func (in *lastInspection) shorten(d *draft, set *lastSet, keep time.Duration) (gone []edit) {
	set.keep = keep
	latest := in.now.Add(keep)
	for _, key := range slices.Sorted(maps.Keys(set.until)) {
		if keep <= 0 {
			in.drop(d.path, key)
			gone = append(gone, edit{key: key, revision: in.revision, kind: deleteInstance})
		} else if set.until[key].After(latest) {
			set.until[key] = latest // the policy says so now
		}
	}
	return gone
}

// begin has instances of a service stay for a time from now on, or for the rest of
// what they had before a restart. It returns the deletions of those that don't.
func (in *lastInspection) begin(d *draft, pending map[string]int64, keep time.Duration) (gone []edit) {
	stay := 0
	for _, key := range slices.Sorted(maps.Keys(pending)) {
		until, again := in.restored[key]
		if delete(in.restored, key); !again {
			until = in.now.Add(keep)
		}
		if keep <= 0 || !in.now.Before(until) {
			gone = append(gone, edit{key: key, revision: pending[key], kind: deleteInstance})
			continue
		}
		in.add(d.path, key, until, keep)
		if !again { // else it was told of before
			stay++
		}
	}
	if stay > 0 {
		in.begun.services++
		in.begun.instances += stay
		in.begun.service, in.begun.keep = d.path, keep
	}
	return gone
}
