package mirror

import (
	"context"
	"slices"
	"sync"
	"time"
)

// listsAtOnce bounds the lists under way: enough to hide the network's delay, and
// few of many mirrors' to serve for etcd.
const listsAtOnce = 4

// lister lists ranges, a few at once.
type lister struct {
	cfg     *Config
	waiting []*Range
	running []*list
	ended   chan *list
	head    head
	wg      sync.WaitGroup
}

func newLister(cfg *Config) *lister { return &lister{cfg: cfg, ended: make(chan *list)} }

// add queues a range to be listed.
func (l *lister) add(r *Range) {
	l.head.distrust(r)
	r.phase = mustList
	l.waiting = append(l.waiting, r)
}

// drop takes a range out of the queue, or ends its list.
func (l *lister) drop(r *Range) {
	l.head.distrust(r)
	l.waiting = slices.DeleteFunc(l.waiting, func(other *Range) bool { return other == r })
	for _, one := range l.running {
		if one.r == r {
			one.dropped = true
			one.cancel()
		}
	}
	r.later = nil
}

// start starts those lists that are due, none before retryAt, and returns when
// another one is. s is the stream at the time.
func (l *lister) start(ctx context.Context, now, retryAt time.Time, v views, s *session) (next time.Time) {
	if len(l.waiting) == 0 {
		return time.Time{}
	}
	if now.Before(retryAt) {
		return retryAt
	}
	waiting, taken := l.waiting[:0], l.taken()
	for i, r := range l.waiting {
		if len(l.running) == listsAtOnce {
			waiting = append(waiting, l.waiting[i:]...)
			break
		}
		switch {
		case now.Before(r.retryAt):
			waiting = append(waiting, r)
			next = earliest(next, r.retryAt)
		case !taken.take(r):
			waiting = append(waiting, r) // until that one has ended
		default:
			l.run(ctx, r, v, s)
		}
	}
	clear(l.waiting[len(waiting):])
	l.waiting = waiting
	return next
}

// run starts a list.
func (l *lister) run(life context.Context, r *Range, v views, s *session) {
	ctx, cancel := context.WithCancel(life)
	c, known := v.of(r.view), l.head.of(v)
	if len(c.complete) == 0 {
		known = max(known, c.revision) // such as a snapshot's
	}
	one := &list{
		r: r, stage: r.view.Stage(), started: time.Now(), cancel: cancel, known: known, session: s,
		compare: newComparison(c.index.Copy(), r.name), found: newAppender(new(index)),
	}
	r.phase, r.later = listing, map[string]Event{}
	l.running = append(l.running, one)
	l.wg.Go(func() {
		one.run(ctx, l.cfg)
		cancel()
		select {
		case l.ended <- one:
		case <-life.Done():
		}
	})
}

// end removes a list that has ended, and reports whether its range still needs it.
func (l *lister) end(one *list) bool {
	l.running = slices.DeleteFunc(l.running, func(other *list) bool { return other == one })
	return !one.dropped
}

// taken returns the ranges of which lists are under way.
func (l *lister) taken() *taken {
	t := &taken{map[member]struct{}{}, map[member]struct{}{}}
	for _, one := range l.running {
		t.take(one.r)
	}
	return t
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
	_, common := t.above[r.member()]
	common = enclosing(r.name, func(name string) bool {
		_, ok := t.ranges[member{r.view, name}]
		return ok
	}) || common
	t.ranges[r.member()] = struct{}{}
	enclosing(r.name, func(name string) bool {
		t.above[member{r.view, name}] = struct{}{}
		return false
	})
	return !common
}
