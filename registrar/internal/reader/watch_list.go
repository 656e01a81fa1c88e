package reader

import (
	"context"
	"fmt"
	"iter"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// WatchList implements registrar.ListWatcher.
func (r *Reader) WatchList(ctx context.Context, namespace string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		w := &listWatch{newLoop(r), nameFollower{namespace: namespace}}
		if err := checkNamespace(namespace); err != nil {
			yield(nil, w.explain(err))
			return
		}
		run(ctx, &w.loop, w.look, func(l *listing, err error) bool { return yield(l.get(), err) })
	}
}

// listWatch is a WatchList under way. It is woken only when a service appears or
// disappears.
type listWatch struct {
	loop
	names nameFollower
}

// look returns the present names, and why they are stale.
func (w *listWatch) look(ctx context.Context, first bool) (*listing, error) {
	for {
		all, err := w.reader.subscriptions.subscribeList(w.names.namespace)
		if err != nil {
			return nil, w.explain(err)
		}
		if !w.hold(all) {
			continue
		}
		waiter := w.reader.waiter
		if !first {
			waiter.lastChange = nil // what comes wakes it again
		}
		live, err := waiter.await(ctx, all)
		if err == nil {
			w.names.advance(w.reader.subscriptions.replica.Store())
		}
		if w.held(all) {
			if err == nil && (!live || waiter.failing() != nil) {
				err = w.reader.whyStale(all)
			}
			return w.names.last, w.explain(err)
		}
		if err != nil && ctx.Err() != nil {
			return nil, w.explain(err)
		}
	}
}

func (w *listWatch) explain(err error) error {
	switch {
	case err == nil:
		return nil
	case w.names.namespace == "":
		return fmt.Errorf("registrar: watching the services of all namespaces: %w", err)
	default:
		return fmt.Errorf("registrar: watching the services of namespace %q: %w", w.names.namespace, err)
	}
}

// subscribeList returns what stands for the names of the services of a namespace, or of
// all for the empty one, which is followed.
func (s *subscriptions) subscribeList(namespace string) (*service, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Err() != nil {
		return nil, registrar.ErrClosed
	}
	return s.subscribe(catalog.ServiceName{Namespace: namespace})
}
