package mirror

import "time"

// fail ends the stream, if there is one, and retries all ranges after a pause. The
// range except, if not nil, has just been listed and is watched without another list.
func (l *loop) fail(f failure, except *Range) {
	worked := l.streams.session != nil && l.streams.session.worked
	l.closeSession()
	resume := f.resumable(worked)
	l.streams.waiting = nil
	for _, c := range l.views {
		for _, r := range c.ranges {
			if r != except {
				r.freshUntil = time.Time{}
			}
			l.again(r, f, resume || r == except)
		}
	}
	if worked {
		l.pause.Reset()
	}
	l.retryAt = time.Now().Add(l.pause.Next() + f.spread())
	l.failed(f, nil)
}

// again has a range listed or watched after the end of its stream.
func (l *loop) again(r *Range, f failure, resume bool) {
	if r.watch != nil {
		r.unwatch()
	}
	switch {
	case r.phase == listing && f.reason == ReasonRegressed: // it may show a part of each history
		l.lists.drop(r)
	case !r.trusted():
		return
	case resume:
		l.streams.add(r)
		return
	}
	r.reason = f.reason
	l.lists.add(r)
}

// lose retries a range that could not be listed, or whose watch alone has ended.
func (l *loop) lose(r *Range, f failure) {
	now := time.Now()
	switch {
	case f.ofRange():
		if r.watch != nil && r.watch.worked {
			r.pause.Reset()
		}
		l.streams.drop(r)
		r.retryAt = now.Add(r.pause.Next() + f.spread())
	case !now.Before(l.retryAt): // or else another list has failed just now
		l.retryAt = now.Add(l.pause.Next() + f.spread())
	}
	if r.trusted() && !f.needsList() {
		l.streams.add(r)
	} else {
		r.reason = f.reason
		l.lists.add(r)
	}
	r.publish(func(s *RangeStatus) { s.Err = f.err })
	l.failed(f, r)
}

// failed reports a failure of all ranges, or of one.
func (l *loop) failed(f failure, r *Range) {
	l.reason = f.reason
	if l.streams.session == nil || len(l.streams.session.watches) == 0 {
		l.publish(func(s *Status) { s.Err = f.err })
	}
	l.report.failed(f, r)
}
