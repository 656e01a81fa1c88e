package reader

import (
	"context"
	"errors"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/etcderror"
)

// firstWait is how long after the first question for a service its answer is
// waited for.
const firstWait = time.Second

var errNoAnswer = errors.New("no answer yet")

// waiter waits for what is followed.
type waiter struct {
	*subscriptions
	lastChange func(rng string) int64 // see Config
	fault      Fault                  // see Config
	waited     *time.Duration         // adds up; nil where nobody asks
}

// failing returns what is known to be wrong with the store.
func (w *waiter) failing() error {
	if w.fault == nil {
		return nil
	}
	return w.fault.Err()
}

// ready reports whether to answer without waiting. What only a snapshot says is
// worth a short wait for etcd, unless that is known to be away.
func (w *waiter) ready(svc *service, f *mirror.Range) bool {
	switch s := f.Status(); {
	case s.State != mirror.Stale:
		return s.State == mirror.Live && !w.behind(f)
	case s.Err != nil || w.replica.LastError() != nil:
		return true
	default:
		return time.Since(svc.started) >= firstWait
	}
}

// behind reports whether a range doesn't show yet what its store has.
func (w *waiter) behind(f *mirror.Range) bool {
	if w.lastChange == nil || w.failing() != nil {
		return false
	}
	s := f.Status()
	return s.Revision < w.lastChange(s.Range)
}

// await waits until there is something to answer from for a service, and reports
// whether that is live.
func (w *waiter) await(ctx context.Context, svc *service) (live bool, err error) {
	f := svc.followed.Load()
	if f.Live() && !w.behind(f) {
		return true, nil
	}
	if f, err = w.wait(ctx, svc); err != nil {
		return false, err
	}
	return f.Live(), nil
}

// wait waits until there is something to answer from, until firstWait after the
// first question, and returns what that is followed by. Where ctx ends it, the
// error is ErrUnavailable besides, unless etcd answers others.
func (w *waiter) wait(ctx context.Context, svc *service) (*mirror.Range, error) {
	if f := svc.followed.Load(); w.ready(svc, f) {
		return f, nil
	}
	if w.waited != nil {
		start := time.Now()
		defer func() { *w.waited += time.Since(start) }()
	}
	limit := time.Until(svc.started.Add(firstWait))
	if w.lastChange != nil {
		limit = firstWait // after each change
	}
	timeout := time.NewTimer(limit)
	defer timeout.Stop()
	for {
		happening, f := w.events.wait(), svc.followed.Load()
		if w.ready(svc, f) {
			return f, nil
		}
		if w.failing() != nil && f.Status().Err != nil {
			return w.timedOut(f, errNoAnswer)
		}
		if err := f.Status().Err; err != nil && etcderror.Denied(err) {
			return nil, etcderror.Classify(err)
		}
		select {
		case <-happening:
		case <-timeout.C:
			return w.timedOut(f, errNoAnswer)
		case <-ctx.Done():
			return w.timedOut(f, ctx.Err())
		case <-w.closed.Done():
			return nil, registrar.ErrClosed
		}
	}
}

// timedOut returns what there is to answer from, or why there is nothing. The
// error is what ended the wait.
func (w *waiter) timedOut(f *mirror.Range, err error) (*mirror.Range, error) {
	switch s := f.Status(); {
	case s.State != mirror.Unsynced:
		return f, nil
	case s.Err != nil:
		return nil, etcderror.Classify(etcderror.Explain(err, s.Err))
	case w.replica.Status().State == mirror.Live && !errors.Is(err, errNoAnswer):
		return nil, err
	default:
		return nil, etcderror.Classify(etcderror.Explain(err, w.replica.LastError()))
	}
}
