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
		var probes <-chan probed
		if s := l.streams.session; s != nil {
			waiting, probes = s.queue.ready, s.probes.results
		}
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-l.calls.wake:
		case <-waiting:
			l.receive()
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
	for _, call := range l.calls.take() {
		call()
	}
	now := time.Now()
	next = l.lists.start(ctx, now, l.retryAt, l.views, l.streams.session)
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
	if due(s.silentAt(), now) && s.queue.empty() {
		l.fail(failure{ReasonSilent, errSilent}, nil)
		return now
	}
	if due(s.tickAt, now) {
		s.tickAt = s.tickAt.Add(progressEvery)
		if now.Sub(s.heard) > probeAfter {
			s.probes.start(s.ctx, now, s.watches, l.views)
		}
	}
	if due(s.probes.againAt, now) {
		s.probes.start(s.ctx, now, s.watches, l.views)
	}
	if due(l.audits.startAt, now) {
		l.audits.start(ctx, now, s.watches, l.views)
	}
	next = earliest(s.tickAt, s.silentAt())
	return earliest(earliest(next, s.probes.againAt), l.audits.startAt)
}
