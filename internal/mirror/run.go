package mirror

import (
	"context"
	"time"
)

// run follows the ranges until ctx is done, and waits for all goroutines.
func (l *loop) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	l.report.began = time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	defer l.lists.wg.Wait()
	defer l.streams.wg.Wait()
	defer l.audits.wg.Wait()
	defer l.closeSession()
	defer cancel()
	for ctx.Err() == nil {
		if next := l.work(ctx); next.IsZero() {
			timer.Stop()
		} else {
			timer.Reset(time.Until(next))
		}
		var waiting <-chan struct{}
		var unanswered <-chan struct{}
		var probes <-chan probed
		if s := l.streams.session; s != nil {
			waiting, unanswered, probes = s.queue.ready, s.pacer.unanswered, s.probes.results
		}
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-l.calls.wake:
		case <-waiting:
			l.receive()
		case <-unanswered:
			l.unanswered()
		case done := <-l.lists.ended:
			l.listDone(done)
		case o := <-l.streams.opened:
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
	if calls := l.calls.take(); len(calls) > 0 {
		for _, call := range calls {
			call()
		}
		if l.removed {
			l.removed = false
			l.publish(nil)
		}
		l.setPace()
	}
	now := time.Now()
	next = l.lists.start(ctx, now, l.retryAt, l.views, l.streams.session)
	l.publishLists()
	next = earliest(next, l.streams.watch(now))
	next = earliest(next, l.streams.open(ctx, now, l.retryAt))
	next = earliest(next, l.tend(ctx, now))
	return earliest(next, l.report.expire(!l.views.empty()))
}

// tend closes a session without watches, gives up one that is silent, and starts
// the probes and audits that are due.
func (l *loop) tend(ctx context.Context, now time.Time) (next time.Time) {
	s := l.streams.session
	if s == nil {
		return time.Time{}
	}
	if len(s.watches) == 0 {
		l.closeSession() // etcd answers no progress request of a stream without watches
		return time.Time{}
	}
	silentAt := s.silentAt(l.contact.slack())
	if due(silentAt, now) && s.queue.empty() {
		l.fail(failure{ReasonSilent, errSilent}, nil)
		return now
	}
	if due(s.probes.againAt, now) {
		s.probes.start(s.ctx, now, s.watches, l.views)
	}
	if due(l.audits.startAt, now) {
		l.audits.start(ctx, now, s.watches, l.views)
	}
	return earliest(earliest(silentAt, s.probes.againAt), l.audits.startAt)
}

// setPace has etcd asked for progress as often as the views need it.
func (l *loop) setPace() {
	every := progressEvery
	if l.views.background() {
		every = backgroundEvery
	}
	if every == l.contact.every() {
		return
	}
	l.contact.setEvery(every)
	if s := l.streams.session; s != nil {
		s.pacer.setEvery(every)
	}
}

// unanswered probes a stream on which a request for progress was not answered.
func (l *loop) unanswered() {
	s := l.streams.session
	if now := time.Now(); now.Sub(s.heard) > probeAfter {
		s.probes.start(s.ctx, now, s.watches, l.views)
	}
}
