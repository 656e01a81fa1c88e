package reader

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/etcderror"
)

var errNoContact = errors.New("no contact")

// Watch implements registrar.Watcher.
func (r *Reader) Watch(ctx context.Context, name string) iter.Seq2[*registrar.Service, error] {
	return func(yield func(*registrar.Service, error) bool) {
		w := &watch{reader: r, name: name, wake: make(chan struct{}, 1)}
		defer w.release()
		if fault := r.waiter.fault; fault != nil {
			defer fault.Add(w.wake)()
		}
		w.run(ctx, yield)
	}
}

// watch is a Watch under way. What it yields is what GetService comes to, whenever
// something changes that this depends on.
type watch struct {
	reader *Reader
	name   string
	wake   chan struct{} // has a token when there is something to look at
	// holds are what the answer depends on: the service, and those of its policy.
	holds    []*hold
	redirect *redirect // that the holds are of
	last     *yielded  // nil before the first
}

// yielded is what a Watch has yielded.
type yielded struct {
	service *registrar.Service
	err     error
}

// same reports whether another one says nothing new.
func (y *yielded) same(other *yielded) bool {
	return y != nil && y.service == other.service && (y.err == nil) == (other.err == nil) &&
		errors.Is(y.err, registrar.ErrPermission) == errors.Is(other.err, registrar.ErrPermission)
}

func (w *watch) run(ctx context.Context, yield func(*registrar.Service, error) bool) {
	for {
		room := w.reader.subscriptions.hasRoom()
		service, err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, registrar.ErrClosed), errors.Is(err, registrar.ErrInvalid):
			yield(nil, err)
			return
		}
		if next := (&yielded{service, err}); !w.last.same(next) {
			if !yield(service, err) {
				return
			}
			w.last = next
		}
		if !errors.Is(err, errTooMany) {
			room = nil
		}
		if !w.wait(ctx, room) {
			return
		}
	}
}

// wait returns true once there is something to look at, and false when ctx is done.
func (w *watch) wait(ctx context.Context, room <-chan struct{}) bool {
	var expired <-chan time.Time
	if at := w.expires(); !at.IsZero() {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-w.wake:
	case <-expired:
	case <-room:
	case <-w.reader.subscriptions.closed.Done():
	case <-ctx.Done():
		return false
	}
	return true
}

// expires returns when the first of what the answer depends on becomes stale without
// any event; zero if none does.
func (w *watch) expires() (first time.Time) {
	for _, h := range w.holds {
		if at := h.followed.Expires(); !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// look returns the present set of instances, and why it is stale.
func (w *watch) look(ctx context.Context) (*registrar.Service, error) {
	for {
		s, err := w.reader.subject(w.name)
		if err != nil {
			return nil, err
		}
		if !w.hold(s) {
			continue
		}
		waiter := w.reader.waiter
		if w.last != nil {
			waiter.lastChange = nil // what comes wakes it again
		}
		service, live, err := waiter.look(ctx, s)
		if w.held(s) && s.redirected() == w.redirect {
			if err == nil && !live {
				err = w.reader.whyStale(s)
			}
			return service, err
		}
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
	}
}

// whyStale returns why the answer to a name is not live.
func (r *Reader) whyStale(s *subject) error {
	err := r.waiter.failing()
	if err == nil {
		err = s.followed.Load().Status().Err
	}
	if d := s.redirected(); d != nil {
		for _, other := range d.others {
			if why := other.followed.Load().Status().Err; err == nil && why != nil {
				err = other.explain(why)
			}
		}
	}
	if err == nil {
		err = r.subscriptions.replica.LastError()
	}
	if err == nil {
		err = errNoContact
	}
	return fmt.Errorf("registrar: watching %q: %w", s.text, etcderror.Classify(err))
}
