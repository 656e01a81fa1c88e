package mirror

import (
	"context"
	"fmt"
	"time"
)

// opened is the end of an attempt to open a stream.
type opened struct {
	ctx    context.Context
	cancel context.CancelFunc
	stream Stream
	err    error
}

// openStream opens a stream where there are ranges to watch and none is open,
// and returns when that is due.
func (l *loop) openStream(ctx context.Context, now time.Time) (next time.Time) {
	if l.session != nil || l.opening {
		return time.Time{}
	}
	for _, r := range l.toWatch {
		at := r.retryAt
		if at.Before(l.retryAt) {
			at = l.retryAt
		}
		if r.phase == mustWatch && !now.Before(at) {
			l.startStream(ctx)
			return time.Time{}
		}
		next = earliest(next, at)
	}
	return next
}

func (l *loop) startStream(ctx context.Context) {
	l.opening = true
	l.wg.Go(func() {
		o := open(ctx, l.cfg.Source)
		select {
		case l.opened <- o:
		case <-ctx.Done():
			o.cancel()
			if o.stream != nil {
				o.stream.Close()
			}
		}
	})
}

// open opens a stream. A server that hangs meanwhile must not hang the mirror.
func open(ctx context.Context, source Source) opened {
	ctx, cancel := context.WithCancelCause(ctx)
	stuck := time.AfterFunc(watchSilence, func() { cancel(errSilent) })
	stream, err := source.Stream(ctx)
	if !stuck.Stop() {
		if err == nil {
			stream.Close()
		}
		stream, err = nil, errSilent
	}
	return opened{ctx, func() { cancel(nil) }, stream, err}
}

// streamOpened starts to use a stream.
func (l *loop) streamOpened(o opened) {
	l.opening = false
	if o.err != nil {
		o.cancel()
		f := failure{ReasonSilent, errSilent}
		if o.err != errSilent { //nolint:errorlint // this very one, which no source returns
			f = failed(o.err, ReasonClosed)
			f.err = fmt.Errorf("opening a watch stream: %w", l.report.explain(f.err))
		}
		l.fail(f, nil)
		return
	}
	l.session = newSession(o.ctx, o.cancel, l.m, o.stream, l.reason)
	after := jittered(auditEvery)
	for _, r := range l.toWatch {
		if !r.fresh {
			after = l.audits.soon()
		}
	}
	l.audits.schedule(after)
	l.addWatches(time.Now())
	l.session.sender.ask() // so that a stream that was resumed shows at once that it works
}

// addWatches asks for watches of those ranges that are to be watched now, and
// returns when another one is.
func (l *loop) addWatches(now time.Time) (next time.Time) {
	if l.session == nil {
		return time.Time{}
	}
	waiting := l.toWatch[:0]
	for _, r := range l.toWatch {
		switch {
		case r.phase != mustWatch:
		case now.Before(r.retryAt):
			waiting = append(waiting, r)
			next = earliest(next, r.retryAt)
		default:
			l.session.add(r, l.cfg.Root)
		}
	}
	clear(l.toWatch[len(waiting):])
	l.toWatch = waiting
	return next
}

// receive takes all that has arrived on the stream as one batch.
func (l *loop) receive() {
	s := l.session
	items, last := s.queue.take()
	b := newBatch(s, l.cfg.Root, l.cluster)
	var f failure
	for _, resp := range items {
		if f = b.response(resp); f.err != nil {
			break
		}
	}
	l.apply(b)
	for _, lost := range b.lost {
		l.lose(lost.r, lost.f)
	}
	switch {
	case f.err != nil:
		l.fail(f, nil)
	case last:
		l.fail(l.ended(s), nil)
	}
}

// apply makes a batch visible.
func (l *loop) apply(b *batch) {
	if !b.worked {
		return
	}
	for _, c := range l.views {
		b.commit(c)
	}
	for r := range b.touched {
		if r.watch != nil {
			l.watched(r)
		}
	}
	if b.changes > 0 {
		l.cfg.Observer.Applied(b.changes, time.Since(b.oldest))
	}
	if !b.s.worked {
		b.s.worked = true
		l.cfg.Observer.Resumed(b.s.reason)
	}
	l.contacted()
}

// watched makes visible how far a watched range is.
func (l *loop) watched(r *Range) {
	if r.watch.worked {
		r.pause.Reset()
		l.report.granted(r)
	}
	if s := r.status.Load(); s.Revision != r.revision || s.Err != nil && r.watch.worked {
		r.publish(func(s *RangeStatus) { s.Revision, s.Err = r.revision, nil })
	}
}

// ended returns why a stream has ended.
func (l *loop) ended(s *session) failure {
	err := s.stream.Err()
	if err == nil {
		err = errClosed
	}
	f := failed(err, ReasonClosed)
	f.err = fmt.Errorf("the watch stream of %q: %w", l.cfg.Root, l.report.explain(err))
	return f
}

// closeSession ends the session, if there is one.
func (l *loop) closeSession() {
	l.audits.stop()
	if l.session == nil {
		return
	}
	l.session.close()
	l.session = nil
}
