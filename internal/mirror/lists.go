package mirror

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// startLists starts those lists that are due, as far as there may be more at
// once, and returns when another one is.
func (l *loop) startLists(ctx context.Context, now time.Time) (next time.Time) {
	if now.Before(l.retryAt) {
		if len(l.toList) == 0 {
			return time.Time{}
		}
		return l.retryAt
	}
	waiting, taken := l.toList[:0], l.underWay()
	for i, r := range l.toList {
		if len(l.running) == listsAtOnce {
			waiting = append(waiting, l.toList[i:]...)
			break
		}
		switch {
		case now.Before(r.retryAt):
			waiting = append(waiting, r)
			next = earliest(next, r.retryAt)
		case !taken.take(r):
			waiting = append(waiting, r) // until that one has ended
		default:
			l.startList(ctx, r)
		}
	}
	clear(l.toList[len(waiting):])
	l.toList = waiting
	return next
}

// taken knows ranges that lists are of. Lists of ranges that have keys in common
// are made one after the other: each compares with what there was when it began,
// and knows of changes since then by watches alone.
type taken struct {
	ranges map[member]struct{}
	above  map[member]struct{} // that enclose one of them
}

// take adds a range, and reports whether it has no key in common with another.
func (t *taken) take(r *Range) bool {
	_, common := t.above[member{r.view, r.name}]
	common = enclosing(r.name, func(name string) bool {
		_, ok := t.ranges[member{r.view, name}]
		return ok
	}) || common
	t.ranges[member{r.view, r.name}] = struct{}{}
	enclosing(r.name, func(name string) bool {
		t.above[member{r.view, name}] = struct{}{}
		return false
	})
	return !common
}

// underWay returns the ranges of which lists are under way.
func (l *loop) underWay() *taken {
	t := &taken{map[member]struct{}{}, map[member]struct{}{}}
	for _, done := range l.running {
		t.take(done.r)
	}
	return t
}

func (l *loop) startList(life context.Context, r *Range) {
	ctx, cancel := context.WithCancel(life)
	done := &list{
		r: r, stage: r.view.Stage(), started: time.Now(), cancel: cancel, known: r.contents.head(),
		compare: newComparison(r.contents.index.Copy(), r.name), later: map[string]Event{},
	}
	r.list, r.phase = done, listing
	l.running = append(l.running, done)
	l.wg.Go(func() {
		done.run(ctx, l.cfg)
		cancel()
		select {
		case l.lists <- done:
		case <-life.Done():
		}
	})
}

// listDone takes the end of a list.
func (l *loop) listDone(done *list) {
	l.running = slices.DeleteFunc(l.running, func(one *list) bool { return one == done })
	r := done.r
	if r.list != done {
		return // dropped, or to be made anew
	}
	r.list = nil
	if done.err != nil {
		f := failed(done.err, ReasonList)
		f.err = fmt.Errorf("listing %q: %w", l.cfg.Root+r.name, l.report.explain(done.err))
		l.lose(r, f)
		return
	}
	l.commitList(done)
}

// commitList makes what a list has found visible.
func (l *loop) commitList(done *list) {
	r, c, keys := done.r, done.r.contents, done.r.contents.index.Len()
	before := max(r.revision, done.known)
	wentBack := done.head.Revision < before
	another := wentBack || otherCluster(l.cluster, done.head.Cluster)
	if another && len(done.later) > 0 {
		// What watches have shown meanwhile is of the other history.
		l.lose(r, failure{ReasonRegressed, fmt.Errorf("listing %q: %w", l.cfg.Root+r.name, errRegressed)})
		return
	}
	if done.head.Cluster != 0 {
		l.cluster = done.head.Cluster
	}
	done.merge(c.index)
	r.advance(done.head.Revision)
	c.listed(r)
	c.commit(done.stage, CauseList, r.name, wentBack)

	r.phase, r.fresh = mustWatch, true
	l.toWatch = append(l.toWatch, r)
	l.m.contact.see(done.head.Revision)
	l.m.contact.note()
	r.publish(func(s *RangeStatus) {
		s.State, s.Revision, s.Contact, s.Err = Live, r.revision, time.Now(), nil
	})
	l.m.registry.supersede(r)
	for _, ch := range []chan struct{}{r.ready, r.listed} {
		if !isClosed(ch) {
			close(ch)
		}
	}
	if another {
		r.reason = ReasonRegressed
	}
	if another && !r.resync {
		l.cfg.Log.Warn("etcd history changed (restored from a backup?): resynced",
			"prefix", l.cfg.Root+r.name, "revision", r.revision, "keys", c.index.Len(), "revision before", before, "keys before", keys)
		l.resync(r)
	}
	r.resync = false
	l.cfg.Observer.Listed(r.reason, done.keys, time.Since(done.started))
	l.report.granted(r)
	l.contacted()
}

// resync has all other ranges listed, since etcd's history is another one than
// theirs.
func (l *loop) resync(listed *Range) {
	others := false
	for _, c := range l.views {
		for _, r := range c.ranges {
			if r == listed || r.resync {
				continue
			}
			r.resync = r.revision != 0
			others = others || r.trusted()
		}
	}
	if others {
		l.fail(failure{ReasonRegressed, errRegressed}, listed)
	}
}
