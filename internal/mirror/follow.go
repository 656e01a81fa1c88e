package mirror

import (
	"fmt"
	"slices"
	"time"

	"github.com/rosterdns/roster/internal/etcdclient"
)

// contentsOf returns what a view was told.
func (l *loop) contentsOf(view View) *contents {
	c := l.views[view]
	if c == nil {
		c = newContents(view)
		l.views[view] = c
	}
	return c
}

// add begins to follow a range.
func (l *loop) add(r *Range) {
	l.contentsOf(r.view).add(r)
	r.revision = r.status.Load().Revision // of what it was seeded from
	l.toList = append(l.toList, r)
}

// remove ends that.
func (l *loop) remove(r *Range) {
	if r.list != nil {
		r.list.cancel()
		r.list = nil
	}
	if r.watch != nil {
		l.session.remove(r.watch)
		l.unwatch(r)
	}
	r.phase = dropped
	is := func(other *Range) bool { return other == r }
	l.toList, l.toWatch = slices.DeleteFunc(l.toList, is), slices.DeleteFunc(l.toWatch, is)
	r.contents.remove(r)
	l.clear(r.view, r.name)
	l.publish(nil)
}

// clear takes the keys of a range that no other has out of its view.
func (l *loop) clear(view View, rng string) {
	c := l.contentsOf(view)
	if !l.m.registry.holds(view, rng) {
		var events []Event
		c.index.Ascend(rng, func(key string, _ entry) bool {
			if !covers(rng, key) {
				return false
			}
			if !l.m.registry.holds(view, key) {
				events = append(events, Event{Key: key, ModRevision: c.known(), Deleted: true})
			}
			return true
		})
		for _, ev := range events {
			c.index.Delete(ev.Key)
		}
		if len(events) > 0 {
			stage := view.Stage()
			stage.Apply(events)
			c.commit(stage, CauseDrop, rng, false)
		}
	}
	if len(c.ranges) == 0 && c.index.Len() == 0 {
		delete(l.views, view)
	}
	l.publish(nil)
}

// fail ends the stream, if there is one, and has everything go on from anew
// after a pause. What but, if not nil, was listed right now stands.
func (l *loop) fail(f failure, but *Range) {
	worked := l.session != nil && l.session.worked
	l.closeSession()
	resume := f.resumable(worked)
	l.toWatch = nil
	for _, c := range l.views {
		for _, r := range c.ranges {
			l.again(r, f, resume || r == but)
		}
	}
	if worked {
		l.pause.Reset()
	}
	l.retryAt = time.Now().Add(l.pause.Next() + f.spread())
	l.failed(f, nil)
}

// again has a range go on after the end of its stream.
func (l *loop) again(r *Range, f failure, resume bool) {
	if r.watch != nil {
		l.unwatch(r)
	}
	switch {
	case r.list != nil && f.reason == ReasonRegressed: // it may show a part of each history
		r.list.cancel()
		r.list = nil
	case !r.trusted():
		return
	case resume:
		r.phase = mustWatch
		l.toWatch = append(l.toWatch, r)
		return
	}
	r.phase, r.reason = mustList, f.reason
	l.toList = append(l.toList, r)
}

// unwatch notes that a range has lost its watch: its contact was the mirror's so
// far.
func (l *loop) unwatch(r *Range) {
	contact := r.Status().Contact
	r.watch = nil
	r.watched.Store(false)
	r.publish(func(s *RangeStatus) { s.Contact = contact })
}

// lose has a range go on that could not be listed, or has lost its watch alone.
func (l *loop) lose(r *Range, f failure) {
	now := time.Now()
	switch {
	case f.ofRange():
		if r.watch != nil {
			if r.watch.worked {
				r.pause.Reset()
			}
			l.session.remove(r.watch)
			l.unwatch(r)
		}
		r.retryAt = now.Add(r.pause.Next() + f.spread())
	case !now.Before(l.retryAt): // or else another list has failed just now
		l.retryAt = now.Add(l.pause.Next() + f.spread())
	}
	if r.trusted() && !f.distrusts() {
		r.phase = mustWatch
		l.toWatch = append(l.toWatch, r)
	} else {
		r.phase, r.reason = mustList, f.reason
		l.toList = append(l.toList, r)
	}
	r.publish(func(s *RangeStatus) { s.Err = f.err })
	l.failed(f, r)
}

// failed tells of a failure of all ranges, or of one.
func (l *loop) failed(f failure, r *Range) {
	l.reason = f.reason
	if l.session == nil || len(l.session.watches) == 0 {
		l.publish(func(s *Status) { s.Err = f.err })
	}
	l.report.failed(f, r)
}

// probed takes the result of a probe. It is contact only where it shows that the
// stream has missed nothing.
func (l *loop) probed(result probed) {
	s := l.session
	if !s.probes.done(&result) {
		return
	}
	l.m.contact.see(result.Revision)
	switch {
	case result.regressed(), otherCluster(l.cluster, result.Cluster):
		l.fail(failure{ReasonRegressed, errRegressed}, nil)
		return
	case !result.current(s.watches):
		return
	}
	s.excused = time.Now()
	l.m.contact.note()
	l.contacted()
	// A connection that breaks behind a proxy breaks no watch, but etcd can be
	// one that was restored all the same, and be past what is known by now.
	if s.probes.away && l.audits.hasten() {
		s.probes.away = false
	}
}

// audited takes the end of an audit.
func (l *loop) audited(done *audit) {
	if done != l.audits.running {
		return // stopped
	}
	r, prefix := done.r, l.cfg.Root+done.r.name
	if r.phase != watching { // it is listed anew, or followed no more
		done.err, done.differs = nil, 0
	}
	if etcdclient.KindOf(done.err) == etcdclient.FutureRevision || done.err == nil && otherCluster(l.cluster, done.head.Cluster) {
		l.fail(failure{ReasonRegressed, fmt.Errorf("auditing %q: %w", prefix, errRegressed)}, nil)
		return
	}
	l.audits.done(done)
	switch {
	case done.err != nil:
		l.cfg.Log.Debug("an audit could not be completed", "prefix", prefix, "error", done.err)
		l.cfg.Observer.AuditFailed(done.err)
	case done.differs > 0:
		l.cfg.Log.Warn("an audit has found differences from etcd that no watch reported: listing anew",
			"prefix", prefix, "revision", done.at, "differences", done.differs, "examples", done.example)
		l.lose(r, failure{ReasonAudit, fmt.Errorf("auditing %q: %w", prefix, errDiffers)})
	}
}
