package writer

import "time"

// maxIdle bounds the keys that are remembered with nothing desired of them, at
// some hundred bytes each. One that is forgotten counts as never written, which
// matters only to who unregisters an ID a second time.
const maxIdle = 10_000

// past is the entries of which nothing is desired any more, oldest first.
type past struct {
	stragglers []follower // that are followed, in order of until
	idle       []retired
}

// follower is an entry that is followed for stragglers.
type follower struct {
	retired
	until time.Time
}

// retired is an entry with nothing more to do, unless it has had since.
type retired struct {
	entry *entry
	idle  uint64
}

func (r retired) still() bool { return r.entry.idle == r.idle && r.entry.desired.intent == intentNone }

// retire puts an entry aside with which there is nothing more to do. While etcd
// can carry out a write of it, its key is followed.
func (t *table) retire(e *entry) {
	e.idle++
	r := retired{e, e.idle}
	now := time.Now()
	if !t.closed && e.history.stragglersUntil(t.expired).After(now) {
		e.place = straggler
		t.past.stragglers = append(t.past.stragglers, follower{r, now.Add(stragglerLimit)})
		return
	}
	t.settleDown(r)
}

// settleDown ends what was followed of an entry.
func (t *table) settleDown(r retired) {
	e := r.entry
	e.place = atRest
	e.history.giveUp()
	e.observed, e.asOf = observed{}, 0
	if e.sub != nil {
		t.refollow[e] = true
	}
	if !e.history.acked {
		t.drop(e)
		return
	}
	t.past.idle = append(t.past.idle, r)
	for len(t.past.idle) > maxIdle {
		oldest := t.past.idle[0]
		t.past.idle = t.past.idle[1:]
		if oldest.still() {
			t.drop(oldest.entry)
		}
	}
}

// endStragglers ends the following of those whose time is over. The keys of the
// lease tell of what has come through besides.
func (t *table) endStragglers(now time.Time) {
	s := t.past.stragglers
	for len(s) > 0 && !s[0].until.After(now) {
		if s[0].still() && s[0].entry.place == straggler {
			t.audit = true
			t.settleDown(s[0].retired)
		}
		s = s[1:]
	}
	t.past.stragglers = s
}

// nextStraggler returns when endStragglers has something to do; false if never.
func (t *table) nextStraggler() (time.Time, bool) {
	if len(t.past.stragglers) == 0 {
		return time.Time{}, false
	}
	return t.past.stragglers[0].until, true
}
