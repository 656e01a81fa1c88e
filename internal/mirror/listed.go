package mirror

import (
	"fmt"
	"time"
)

// freshList is within what time of a list a stream counts as one to the etcd that
// was listed: none is restored from a backup as fast.
const freshList = time.Second

// listDone handles the end of a list.
func (l *loop) listDone(done *list) {
	if !l.lists.end(done) {
		return
	}
	r := done.r
	if done.err != nil {
		f := failed(done.err, ReasonList)
		f.err = fmt.Errorf("listing %q: %w", l.cfg.Root+r.name, l.report.explain(done.err))
		r.later = nil
		l.lose(r, f)
		return
	}
	l.commitList(done)
}

// commitList makes what a list has found visible.
func (l *loop) commitList(done *list) {
	r, c := done.r, l.views.of(done.r.view)
	if done.session != l.streams.session && len(r.later) > 0 {
		// What a stream has shown meanwhile can be of an etcd that another one was
		// restored over, and of which the revisions don't tell.
		r.later = nil
		l.lists.add(r)
		return
	}
	keys := c.index.Len()
	before := max(r.revision, done.known)
	wentBack := done.head.Revision < before
	another := wentBack || otherCluster(l.cluster, done.head.Cluster)
	if another && !r.resync && len(r.later) > 0 {
		r.later = nil
		// What watches have shown since the list began may be of the old history.
		// Once a resync is under way they show the new one.
		l.lose(r, failure{ReasonRegressed, fmt.Errorf("listing %q: %w", l.cfg.Root+r.name, errRegressed)})
		return
	}
	if done.head.Cluster != 0 {
		l.cluster = done.head.Cluster
	}
	done.merge(c.index)
	r.later = nil
	r.advance(done.head.Revision)
	c.listed(r)
	c.commit(done.stage, CauseList, wentBack)

	l.listed(r)
	if another {
		r.reason = ReasonRegressed
	}
	if another && !r.resync {
		l.cfg.Log.Warn("etcd history changed (restored from a backup?): resynced",
			"range", l.cfg.Root+r.name, "revision", r.revision, "keys", c.index.Len(), "revision before", before, "keys before", keys)
		l.resync(r)
	}
	r.resync = false
	l.cfg.Observer.Listed(r.reason, done.keys, time.Since(done.started))
	l.report.granted(r)
	l.newLists++ // see publishLists
}

// listed has a range watched that was listed, and makes that visible.
func (l *loop) listed(r *Range) {
	r.freshUntil = time.Now().Add(freshList)
	l.streams.add(r)
	l.lists.head.advance(r)
	if s := l.streams.session; s != nil && s.worked {
		l.pause.Reset() // what failed before did not last
	}
	l.contact.see(r.revision)
	l.contact.note()
	r.publish(func(s *RangeStatus) {
		s.State, s.Revision, s.Contact, s.Err = Live, r.revision, time.Now(), nil
	})
	l.ranges.supersede(r)
	for _, ch := range []chan struct{}{r.ready, r.listed} {
		if !isClosed(ch) {
			close(ch)
		}
	}
}

// resync has all other ranges listed, since their history is not etcd's.
func (l *loop) resync(listed *Range) {
	others := false
	for _, c := range l.views {
		for _, r := range c.ranges {
			if r == listed || r.resync {
				continue
			}
			r.resync = r.revision != 0
			others = others || r.trusted() || len(r.later) > 0
		}
	}
	if others {
		l.fail(failure{ReasonRegressed, errRegressed}, listed)
	}
}
