package mirror

import (
	"context"
	"slices"
	"sync"
	"time"
)

// streams has ranges watched, on one stream at a time.
type streams struct {
	core    *core
	waiting []*Range // to be watched
	session *session // nil while there is none
	opening bool
	opened  chan opened
	wg      sync.WaitGroup
}

func newStreams(c *core) *streams { return &streams{core: c, opened: make(chan opened)} }

// add queues a range to be watched.
func (s *streams) add(r *Range) {
	r.phase = mustWatch
	s.waiting = append(s.waiting, r)
}

// drop takes a range out of the queue, or ends its watch: what that still shows is
// ignored.
func (s *streams) drop(r *Range) {
	s.waiting = slices.DeleteFunc(s.waiting, func(other *Range) bool { return other == r })
	if r.watch != nil {
		s.session.remove(r.watch)
		r.unwatch()
	}
}

// watch asks for watches of those ranges that are to be watched now, and returns
// when another one is.
func (s *streams) watch(now time.Time) (next time.Time) {
	if s.session == nil {
		return time.Time{}
	}
	waiting := s.waiting[:0]
	for _, r := range s.waiting {
		if now.Before(r.retryAt) {
			waiting = append(waiting, r)
			next = earliest(next, r.retryAt)
			continue
		}
		s.session.add(r, s.core.cfg.Root)
	}
	clear(s.waiting[len(waiting):])
	s.waiting = waiting
	return next
}

// open opens a stream where there are ranges to watch and none is open, but not
// before retryAt, and returns when that is due.
func (s *streams) open(ctx context.Context, now, retryAt time.Time) (next time.Time) {
	if s.session != nil || s.opening {
		return time.Time{}
	}
	for _, r := range s.waiting {
		at := r.retryAt
		if at.Before(retryAt) {
			at = retryAt
		}
		if !now.Before(at) {
			s.start(ctx)
			return time.Time{}
		}
		next = earliest(next, at)
	}
	return next
}

func (s *streams) start(ctx context.Context) {
	s.opening = true
	s.wg.Go(func() {
		o := open(ctx, s.core.cfg.Source)
		select {
		case s.opened <- o:
		case <-ctx.Done():
			o.cancel()
			if o.stream != nil {
				o.stream.Close()
			}
		}
	})
}

// use starts to use a stream that was opened. It reports whether a range resumes
// on it that was not listed just before: then only an audit can show that the etcd
// behind the stream has the same history.
func (s *streams) use(o opened, reason Reason) (resumed bool) {
	now := time.Now()
	s.session = newSession(o, s.core, reason)
	for _, r := range s.waiting {
		resumed = resumed || !now.Before(r.freshUntil)
	}
	s.watch(now)
	s.session.pacer.askNow() // so that a stream that was resumed shows at once that it works
	return resumed
}

// close ends the session, if there is one.
func (s *streams) close() {
	if s.session != nil {
		s.session.close()
		s.session = nil
	}
}
