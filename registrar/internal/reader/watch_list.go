package reader

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
	"github.com/rosterdns/roster/registrar"
)

// WatchList implements registrar.ListWatcher.
func (r *Reader) WatchList(ctx context.Context, namespace string) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		if err := checkNamespace(namespace); err != nil {
			yield(nil, fmt.Errorf("registrar: watching the services of namespace %q: %w", namespace, err))
			return
		}
		w := &listWatch{loop: newLoop(r), namespace: namespace}
		run(ctx, &w.loop, w.look, func(l *listing, err error) bool { return yield(l.get(), err) })
	}
}

// checkNamespace checks a namespace where the empty one means all.
func checkNamespace(namespace string) error {
	if namespace == "" {
		return nil
	}
	return catalog.CheckNamespace(namespace)
}

// listWatch is a WatchList under way. It is woken only when a service appears or
// disappears, and takes from the journal which one: that costs what has changed, and a
// copy of the names.
type listWatch struct {
	loop
	namespace string // empty for all
	changes   *services.Subscription
	last      *listing // nil until the names are known
}

// listing is the names at one time. It is immutable.
type listing struct{ names []string }

// get returns the names; nil while they are not known. They are clipped, so that append by
// a user copies.
func (l *listing) get() []string {
	if l == nil {
		return nil
	}
	return slices.Clip(l.names)
}

// look returns the present names, and why they are stale.
func (w *listWatch) look(ctx context.Context, first bool) (*listing, error) {
	for {
		all, err := w.reader.subscriptions.subscribeList(w.namespace)
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
			w.advance()
		}
		if w.held(all) {
			if err == nil && (!live || waiter.failing() != nil) {
				err = w.reader.whyStale(all)
			}
			return w.last, w.explain(err)
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
	case w.namespace == "":
		return fmt.Errorf("registrar: watching the services of all namespaces: %w", err)
	default:
		return fmt.Errorf("registrar: watching the services of namespace %q: %w", w.namespace, err)
	}
}

// advance makes last the names as the replica has them. It stays the same one where they
// are the same.
func (w *listWatch) advance() {
	if w.changes == nil {
		w.changes = w.reader.subscriptions.replica.Store().Subscribe()
	}
	deltas, reset := w.changes.Next()
	switch {
	case reset != nil:
		if names := w.namesOf(reset); w.last == nil || !slices.Equal(names, w.last.names) {
			w.last = &listing{names}
		}
	default:
		if changed := w.changed(deltas); len(changed) > 0 {
			w.last = &listing{merge(w.last.names, changed)}
		}
	}
}

// namesOf returns all names of a generation in ascending order.
func (w *listWatch) namesOf(g *services.Generation) []string {
	of := g.All()
	if w.namespace != "" {
		of = g.Namespace(w.namespace)
	}
	names := []string{}
	for svc := range of {
		names = append(names, w.nameOf(svc))
	}
	slices.Sort(names) // as text "a-b/c" comes before "a/c"
	return names
}

// nameOf returns the name by which a service is listed.
func (w *listWatch) nameOf(svc *services.Service) string {
	if w.namespace == "" {
		return svc.ServiceName().String()
	}
	return svc.Name
}

// has reports whether a service is to be listed.
func (w *listWatch) has(svc *services.Service) bool {
	return w.namespace == "" || w.namespace == svc.Namespace
}

// changed returns which names deltas have added to the last ones, and which they have
// removed: those are false.
func (w *listWatch) changed(deltas []services.Delta) map[string]bool {
	exists := map[string]bool{}
	for _, d := range deltas {
		for _, c := range d.Changes {
			switch {
			case c.Old == nil && w.has(c.New):
				exists[w.nameOf(c.New)] = true
			case c.New == nil && w.has(c.Old):
				exists[w.nameOf(c.Old)] = false
			}
		}
	}
	maps.DeleteFunc(exists, func(name string, exists bool) bool {
		_, existed := slices.BinarySearch(w.last.names, name)
		return exists == existed
	})
	return exists
}

// merge returns names with those that exist now and without those that don't.
func merge(names []string, exist map[string]bool) []string {
	merged := make([]string, 0, len(names)+len(exist))
	for _, name := range slices.Sorted(maps.Keys(exist)) {
		i, existed := slices.BinarySearch(names, name)
		merged = append(merged, names[:i]...)
		if names = names[i:]; existed {
			names = names[1:]
		}
		if exist[name] {
			merged = append(merged, name)
		}
	}
	return append(merged, names...)
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
