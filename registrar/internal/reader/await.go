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
}

// ready reports whether to answer without waiting. What only a snapshot says is
// worth a short wait for etcd, unless that is known to be away.
func (w waiter) ready(svc *service, f *mirror.Range) bool {
	switch s := f.Status(); {
	case s.State != mirror.Stale:
		return s.State == mirror.Live
	case isClosed(f.Listed()) || s.Err != nil || w.replica.LastError() != nil:
		return true
	default:
		return time.Since(svc.started) >= firstWait
	}
}

// await waits until there is something to answer from, until firstWait after the
// first question, and returns what that is followed by. Where ctx ends it, the
// error is ErrUnavailable besides, unless etcd answers others.
func (w waiter) await(ctx context.Context, svc *service) (*mirror.Range, error) {
	if f := svc.followed.Load(); w.ready(svc, f) {
		return f, nil
	}
	timeout := time.NewTimer(time.Until(svc.started.Add(firstWait)))
	defer timeout.Stop()
	for {
		happening, f := w.events.wait(), svc.followed.Load()
		if w.ready(svc, f) {
			return f, nil
		}
		if err := f.Status().Err; err != nil && etcderror.Denied(err) {
			return nil, etcderror.Classify(err)
		}
		select {
		case <-f.Listed():
		case <-happening:
		case <-timeout.C:
			return w.timedOut(f, nil)
		case <-ctx.Done():
			return w.timedOut(f, ctx.Err())
		case <-w.closed.Done():
			return nil, registrar.ErrClosed
		}
	}
}

// timedOut returns what there is to answer from, or why there is nothing. The
// error is that of the caller's context; nil if it was firstWait that is over.
func (w waiter) timedOut(f *mirror.Range, err error) (*mirror.Range, error) {
	s, last := f.Status(), w.replica.LastError()
	switch {
	case s.State != mirror.Unsynced:
		return f, nil
	case s.Err != nil && err == nil:
		return nil, etcderror.Classify(s.Err) // says why there is no connection already
	case s.Err != nil:
		return nil, etcderror.Classify(etcderror.Explain(err, s.Err))
	case err == nil:
		return nil, etcderror.Classify(etcderror.Explain(errNoAnswer, last))
	case w.replica.Status().State == mirror.Live:
		return nil, err
	default:
		return nil, etcderror.Classify(etcderror.Explain(err, last))
	}
}

// behind reports whether a range doesn't show yet what its store has.
func (w waiter) behind(f *mirror.Range) bool {
	if w.lastChange == nil {
		return false
	}
	s := f.Status()
	return s.Revision < w.lastChange(s.Range)
}

// catchUp waits until a service is not behind, at most firstWait.
func (w waiter) catchUp(ctx context.Context, svc *service) {
	timeout := time.NewTimer(firstWait)
	defer timeout.Stop()
	for {
		happening := w.events.wait()
		if !w.behind(svc.followed.Load()) {
			return
		}
		select {
		case <-happening:
		case <-timeout.C:
			return
		case <-ctx.Done():
			return
		case <-w.closed.Done():
			return
		}
	}
}
