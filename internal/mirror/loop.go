package mirror

import (
	"context"
	"sync"
	"time"

	"github.com/rosterdns/roster/internal/backoff"
)

// loop is what Run does: it alone changes ranges, contents, and the session. It
// waits for nothing but what it has to do next.
type loop struct {
	m      *Mirror
	cfg    *Config
	report reporter
	views  map[View]*contents

	toList  []*Range // mustList
	toWatch []*Range // mustWatch
	lists   chan *list
	running []*list // under way, also those that nobody waits for

	opening bool
	opened  chan opened
	session *session // nil while there is none
	audits  *audits

	pause   *backoff.Backoff
	retryAt time.Time // lists and streams wait for it
	reason  Reason    // why the next stream is opened
	cluster uint64    // 0 while it is not known
	wg      sync.WaitGroup
}

func newLoop(m *Mirror) *loop {
	return &loop{
		m: m, cfg: &m.cfg, report: reporter{m: m}, views: map[View]*contents{},
		lists: make(chan *list), opened: make(chan opened), audits: newAudits(&m.cfg),
		pause: backoff.New(retryBase, retryLimit), reason: ReasonStart,
	}
}

// run follows the ranges until ctx is done, and waits for all goroutines.
func (l *loop) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	l.report.began = time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer l.wg.Wait()
	defer l.audits.wait()
	defer l.closeSession()
	defer cancel()
	for ctx.Err() == nil {
		if next := l.work(ctx); next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(next))
		}
		var waiting <-chan struct{}
		var probes <-chan probed
		if l.session != nil {
			waiting, probes = l.session.queue.ready, l.session.probes.results
		}
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-l.m.wake:
		case <-waiting:
			l.receive()
		case done := <-l.lists:
			l.listDone(done)
		case o := <-l.opened:
			l.streamOpened(o)
		case result := <-probes:
			l.probed(result)
		case done := <-l.audits.results:
			l.audited(done)
		}
	}
}

// work does what is due, and returns when something is next; never if zero.
func (l *loop) work(ctx context.Context) (next time.Time) {
	for _, call := range l.m.take() {
		call()
	}
	now := time.Now()
	next = l.startLists(ctx, now)
	next = earliest(next, l.addWatches(now))
	next = earliest(next, l.openStream(ctx, now))
	next = earliest(next, l.tend(ctx, now))
	return earliest(next, l.report.expire(l.follows()))
}

// tend does what is due of the session.
func (l *loop) tend(ctx context.Context, now time.Time) (next time.Time) {
	s := l.session
	if s == nil {
		return time.Time{}
	}
	if len(s.watches) == 0 {
		l.closeSession() // nobody answers for no watch
		return time.Time{}
	}
	if due(s.silentAt(), now) && s.queue.empty() {
		l.fail(failure{ReasonSilent, errSilent}, nil)
		return now
	}
	if due(s.tickAt, now) {
		s.tickAt = s.tickAt.Add(progressEvery)
		if now.Sub(s.heard) > probeAfter {
			s.probes.start(s.ctx, now, s.watches)
		}
	}
	if due(s.probes.againAt, now) {
		s.probes.start(s.ctx, now, s.watches)
	}
	if due(l.audits.startAt, now) {
		l.audits.start(ctx, now, s.watches)
	}
	next = earliest(s.tickAt, s.silentAt())
	return earliest(earliest(next, s.probes.againAt), l.audits.startAt)
}

// follows reports whether there are ranges.
func (l *loop) follows() bool {
	for _, c := range l.views {
		if len(c.ranges) > 0 {
			return true
		}
	}
	return false
}

// publish makes the state of the whole visible.
func (l *loop) publish(change func(*Status)) {
	s := *l.m.status.Load()
	s.Keys, s.Cluster = 0, l.cluster
	revision := int64(0)
	for _, c := range l.views {
		s.Keys += c.index.Len()
		if len(c.complete) > 0 && (revision == 0 || c.revision < revision) {
			revision = c.revision
		}
	}
	if revision != 0 {
		s.Revision = revision
	}
	if change != nil {
		change(&s)
	}
	l.m.status.Store(&s)
}

// contacted notes that etcd was heard of and that there is no failure.
func (l *loop) contacted() {
	l.publish(func(s *Status) { s.Err = nil })
	l.report.contacted()
}
