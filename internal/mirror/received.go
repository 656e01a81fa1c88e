package mirror

import (
	"fmt"
	"time"
)

// streamOpened starts to use a stream.
func (l *loop) streamOpened(o opened) {
	l.streams.opening = false
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
	after := jittered(auditEvery)
	if l.streams.use(o, l.reason) {
		after = l.audits.soon()
	}
	l.audits.schedule(after)
}

// receive takes all that has arrived on the stream as one batch.
func (l *loop) receive() {
	s := l.streams.session
	items, last := s.queue.take()
	b := newBatch(s, l.cfg.Root, l.cluster, l.views)
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
		l.lists.head.advance(r)
		if r.watch != nil {
			l.publishProgress(r)
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

// publishProgress makes visible how far a watched range is.
func (l *loop) publishProgress(r *Range) {
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
	f.err = fmt.Errorf("the watch stream: %w", l.report.explain(err))
	return f
}
