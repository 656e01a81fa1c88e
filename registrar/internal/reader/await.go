package reader

import (
	"context"
	"errors"
	"time"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/replica"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/etcderror"
)

// firstWait is how long after the first question for a service its answer is
// waited for.
const firstWait = time.Second

var errNoAnswer = errors.New("no answer yet")

// Observer returns what is to observe the replica: who waits for it looks again
// when something has happened.
func (r *Reader) Observer() replica.Observer { return observer{reader: r} }

type observer struct {
	replica.Unobserved
	reader *Reader
}

// Failed implements mirror.Observer.
func (o observer) Failed(mirror.Reason, error) { o.happened() }

// Listed implements mirror.Observer.
func (o observer) Listed(mirror.Reason, int, time.Duration) { o.happened() }

// Applied implements mirror.Observer.
func (o observer) Applied(int, time.Duration) { o.happened() }

func (o observer) happened() {
	o.reader.mu.Lock()
	defer o.reader.mu.Unlock()
	o.reader.look()
}

// look has those who wait look again. The caller holds the mutex.
func (r *Reader) look() {
	close(r.events)
	r.events = make(chan struct{})
}

// ready reports whether to answer without waiting. What only a snapshot says is
// worth a short wait for etcd, unless that is known to be away.
func (r *Reader) ready(svc *service, f *mirror.Range) bool {
	switch s := f.Status(); {
	case s.State != mirror.Stale:
		return s.State == mirror.Live
	case isClosed(f.Listed()) || s.Err != nil || r.replica.LastError() != nil:
		return true
	default:
		return time.Since(svc.started) >= firstWait
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// await waits until there is something to answer from, until firstWait after the
// first question, and returns what that is followed by. Where ctx ends it, the
// error is ErrUnavailable besides, unless etcd answers others.
func (r *Reader) await(ctx context.Context, svc *service) (*mirror.Range, error) {
	timeout := time.NewTimer(time.Until(svc.started.Add(firstWait)))
	defer timeout.Stop()
	for {
		r.mu.Lock()
		events := r.events
		r.mu.Unlock()
		f := svc.followed.Load()
		if r.ready(svc, f) {
			return f, nil
		}
		if err := f.Status().Err; err != nil && etcderror.Denied(err) {
			return nil, etcderror.Classify(err)
		}
		select {
		case <-f.Listed():
		case <-events:
		case <-timeout.C:
			return r.timedOut(f, nil)
		case <-ctx.Done():
			return r.timedOut(f, ctx.Err())
		case <-r.closed.Done():
			return nil, registrar.ErrClosed
		}
	}
}

// timedOut returns what there is to answer from, or why there is nothing. The
// error is that of the caller's context; nil if it was firstWait that ran out.
func (r *Reader) timedOut(f *mirror.Range, err error) (*mirror.Range, error) {
	s, last := f.Status(), r.replica.LastError()
	switch {
	case s.State != mirror.Unsynced:
		return f, nil
	case s.Err != nil && err == nil:
		return nil, etcderror.Classify(s.Err) // says why there is no connection already
	case s.Err != nil:
		return nil, etcderror.Classify(etcderror.Explain(err, s.Err))
	case err == nil:
		return nil, etcderror.Classify(etcderror.Explain(errNoAnswer, last))
	case r.InContact():
		return nil, err
	default:
		return nil, etcderror.Classify(etcderror.Explain(err, last))
	}
}

// InContact reports whether etcd was heard of just now.
func (r *Reader) InContact() bool {
	r.mu.Lock()
	known := r.replica
	r.mu.Unlock()
	return known != nil && known.Status().State == mirror.Live
}

// behind reports whether a range doesn't show yet what its store has.
func (r *Reader) behind(f *mirror.Range) bool {
	if r.LastChange == nil {
		return false
	}
	s := f.Status()
	return s.Revision < r.LastChange(s.Range)
}

// catchUp waits until a service is not behind, at most firstWait.
func (r *Reader) catchUp(ctx context.Context, svc *service) {
	timeout := time.NewTimer(firstWait)
	defer timeout.Stop()
	for {
		r.mu.Lock()
		events := r.events
		r.mu.Unlock()
		if !r.behind(svc.followed.Load()) {
			return
		}
		select {
		case <-events:
		case <-timeout.C:
			return
		case <-ctx.Done():
			return
		case <-r.closed.Done():
			return
		}
	}
}
