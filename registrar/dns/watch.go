package dns

import (
	"context"
	"errors"
	"fmt"

	"github.com/rosterdns/roster/internal/backoff"
	"github.com/rosterdns/roster/registrar"
)

// watch is a Watch under way. It runs in the goroutine of its loop.
type watch struct {
	cache *cache
	name  string
	yield func(*registrar.Service, error) bool
	last  *state // that was yielded; nil before the first
}

// run yields what is known of the name, and again after each change.
func (w *watch) run(ctx context.Context) {
	e, release := w.hold(ctx)
	if e == nil {
		return
	}
	defer release()
	s, err := w.cache.await(ctx, e)
	for w.show(ctx, s, err) {
		select {
		case <-s.next:
		case <-w.cache.closed.Done():
		case <-ctx.Done():
		}
		s, err = e.state.Load(), nil
	}
}

// hold has the name renewed until release. Where it can't be, it says why, and tries again
// if that can change; nil says that the loop is over.
func (w *watch) hold(ctx context.Context) (e *entry, release func()) {
	for ctx.Err() == nil {
		e, err := w.cache.entry(w.name)
		if err == nil {
			if release, ok := w.cache.hold(e); ok {
				return e, release
			}
			continue
		}
		if !w.say(nil, err) || !errors.Is(err, errTooMany) || backoff.Sleep(ctx, retryLast) != nil {
			break
		}
	}
	return nil, nil
}

// show says what a state is, and reports whether the loop goes on. An error is in place of
// the state's.
func (w *watch) show(ctx context.Context, s *state, err error) bool {
	switch {
	case ctx.Err() != nil:
		return false
	case w.cache.closed.Err() != nil:
		w.yield(nil, registrar.ErrClosed)
		return false
	case err == nil:
		err = s.err
	}
	if err != nil {
		err = fmt.Errorf("registrar: watching %q: %w", w.name, err)
	}
	return w.say(s.service, err)
}

// say yields what is news, and reports whether the loop goes on.
func (w *watch) say(service *registrar.Service, err error) bool {
	next := &state{service: service, err: err}
	if w.last != nil && w.last.same(next) {
		return true
	}
	w.last = next
	return w.yield(service, err)
}
