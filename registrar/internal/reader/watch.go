package reader

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/etcderror"
)

var errNoContact = errors.New("no contact")

// Watch implements registrar.Watcher.
func (r *Reader) Watch(ctx context.Context, name string) iter.Seq2[*registrar.Service, error] {
	return func(yield func(*registrar.Service, error) bool) {
		w := &watch{loop: newLoop(r), name: name}
		run(ctx, &w.loop, w.look, yield)
	}
}

// watch is a Watch under way. What it yields is what GetService comes to, whenever
// something changes that this depends on: the service, and those of its policy.
type watch struct {
	loop
	name string
	last *subject // what the name meant last
}

// subject returns what the name means: the same as before, even if that is remembered no
// more, so that what has not changed is the same service.
func (w *watch) subject() (*subject, error) {
	if w.last != nil && !w.last.dropped.Load() && w.reader.subscriptions.closed.Err() == nil {
		return w.last, nil
	}
	s, err := w.reader.subject(w.name)
	w.last = s
	return s, err
}

// look returns the present set of instances, and why it is stale.
func (w *watch) look(ctx context.Context, first bool) (*registrar.Service, error) {
	for {
		s, err := w.subject()
		if err != nil {
			return nil, err
		}
		if !w.hold(s.dependencies()...) {
			continue
		}
		waiter := w.reader.waiter
		if !first {
			waiter.lastChange = nil // what comes wakes it again
		}
		service, live, err := waiter.look(ctx, s)
		if w.held(s.dependencies()...) {
			if err == nil && !live {
				err = fmt.Errorf("registrar: watching %q: %w", s.text, w.reader.whyStale(s.dependencies()...))
			}
			return service, err
		}
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
	}
}

// dependencies returns the services that the answer to a name depends on, as far as
// that is known: its own, and those of the policy of this.
func (s *subject) dependencies() []*service {
	list := []*service{s.service}
	if d := s.redirected(); d != nil {
		list = append(list, d.others...)
	}
	return list
}

// whyStale returns why what depends on services is not live.
func (r *Reader) whyStale(own ...*service) error {
	err := r.waiter.failing()
	for i, svc := range own {
		why := svc.followed.Load().Status().Err
		if err != nil || why == nil {
			continue
		}
		if err = why; i > 0 {
			err = svc.explain(why)
		}
	}
	if err == nil {
		err = r.subscriptions.replica.LastError()
	}
	if err == nil {
		err = errNoContact
	}
	return etcderror.Classify(err)
}
