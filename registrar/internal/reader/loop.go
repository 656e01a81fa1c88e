package reader

import (
	"context"
	"errors"
	"time"

	"github.com/rosterdns/roster/registrar"
)

// loop is what a Watch and a WatchList have in common: values that come again whenever
// something changes that they depend on.
type loop struct {
	reader *Reader
	wake   chan struct{} // has a token when there is something to look at
	holds  []*hold       // what the last value depends on
}

func newLoop(r *Reader) loop { return loop{reader: r, wake: make(chan struct{}, 1)} }

// yielded is what a loop has yielded.
type yielded[T comparable] struct {
	value T
	err   error
}

// same reports whether another one says nothing new.
func (y *yielded[T]) same(other *yielded[T]) bool {
	return y != nil && y.value == other.value && (y.err == nil) == (other.err == nil) &&
		errors.Is(y.err, registrar.ErrPermission) == errors.Is(other.err, registrar.ErrPermission)
}

// run yields what look returns, and again once that is something else, until ctx is done
// or an error is final. The first look is told that it is.
func run[T comparable](ctx context.Context, l *loop, look func(ctx context.Context, first bool) (T, error), yield func(T, error) bool) {
	defer l.release()
	if fault := l.reader.waiter.fault; fault != nil {
		defer fault.Add(l.wake)()
	}
	var last *yielded[T]
	for {
		room := l.reader.subscriptions.hasRoom()
		value, err := look(ctx, last == nil)
		switch {
		case ctx.Err() != nil:
			return
		case errors.Is(err, registrar.ErrClosed), errors.Is(err, registrar.ErrInvalid):
			var none T
			yield(none, err)
			return
		}
		if next := (&yielded[T]{value, err}); !last.same(next) {
			if !yield(value, err) {
				return
			}
			last = next
		}
		if !errors.Is(err, errTooMany) {
			room = nil
		}
		if !l.wait(ctx, room) {
			return
		}
	}
}

// wait returns true once there is something to look at, and false when ctx is done.
func (l *loop) wait(ctx context.Context, room <-chan struct{}) bool {
	var expired <-chan time.Time
	if at := l.expires(); !at.IsZero() {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-l.wake:
	case <-expired:
	case <-room:
	case <-l.reader.subscriptions.closed.Done():
	case <-ctx.Done():
		return false
	}
	return true
}

// expires returns when the first of what the value depends on becomes stale without
// any event; zero if none does.
func (l *loop) expires() (first time.Time) {
	for _, h := range l.holds {
		if at := h.followed.Expires(); !at.IsZero() && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}
