package writer

import "time"

// maxIdle bounds the keys that are remembered with nothing desired of them, at
// some hundred bytes each. One that is forgotten counts as never written, which
// matters only to who unregisters an ID a second time.
const maxIdle = 10_000

// archive is the entries of which nothing is desired any more, oldest first. One that
// has had something to do since is passed over.
type archive struct {
	stragglers []retired // that are followed, in order of until
	idle       []retired
}

// retired is an entry with nothing more to do, unless it has had since.
type retired struct {
	entry *entry
	times uint64
	until time.Time // of one that is followed for stragglers
}

func (r retired) still() bool {
	return r.entry.retired == r.times && r.entry.desired.intent == intentNone
}

// follow has an entry followed for stragglers until a time.
func (a *archive) follow(e *entry, until time.Time) {
	e.place = straggler
	e.retired++
	a.stragglers = append(a.stragglers, retired{e, e.retired, until})
}

// ended returns the entries that were followed for long enough.
func (a *archive) ended(now time.Time) (list []*entry) {
	for len(a.stragglers) > 0 && !a.stragglers[0].until.After(now) {
		if f := a.stragglers[0]; f.still() && f.entry.place == straggler {
			list = append(list, f.entry)
		}
		a.stragglers = a.stragglers[1:]
	}
	return list
}

// next returns when the first one was followed for long enough; false if none is.
func (a *archive) next() (time.Time, bool) {
	if len(a.stragglers) == 0 {
		return time.Time{}, false
	}
	return a.stragglers[0].until, true
}

// keep remembers an entry, and returns those for which there is no more room.
func (a *archive) keep(e *entry) (forgotten []*entry) {
	e.retired++
	a.idle = append(a.idle, retired{entry: e, times: e.retired})
	for len(a.idle) > maxIdle {
		if oldest := a.idle[0]; oldest.still() {
			forgotten = append(forgotten, oldest.entry)
		}
		a.idle = a.idle[1:]
	}
	return forgotten
}

// retire puts an entry aside with which there is nothing more to do. While etcd
// can carry out a write of it, its key is followed.
func (t *table) retire(e *entry) {
	now := time.Now()
	if !t.closed && e.history.straggles(now, t.leases.expired) {
		t.archive.follow(e, now.Add(stragglerLimit))
		return
	}
	t.release(e)
}

// endStragglers ends the following of those whose time is over. The keys of the
// lease tell of what has come through besides.
func (t *table) endStragglers(now time.Time) {
	for _, e := range t.archive.ended(now) {
		t.audit = true
		t.release(e)
	}
}

// release remembers of an entry only that it was written.
func (t *table) release(e *entry) {
	e.place = atRest
	e.history.giveUp()
	e.released = e.asOf
	e.observed, e.asOf = observed{}, 0
	t.look(e)
	if !e.history.acked {
		t.index.drop(e)
		return
	}
	for _, old := range t.archive.keep(e) {
		t.index.drop(old)
	}
}
