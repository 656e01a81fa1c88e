package reader

import (
	"maps"
	"slices"

	"github.com/rosterdns/roster/internal/services"
)

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

// nameFollower has the names of the services of a namespace. It takes from the journal of a
// store what has changed: that costs the changes, and a copy of the names if one of these is
// new or gone.
type nameFollower struct {
	namespace string // empty for all
	changes   *services.Subscription
	last      *listing // nil until the names are known
}

// advance makes last the names as the store has them. It stays the same one where they are
// the same.
func (f *nameFollower) advance(store *services.Store) {
	if f.changes == nil {
		f.changes = store.Subscribe()
	}
	deltas, reset := f.changes.Next()
	if reset != nil {
		if names := f.namesOf(reset); f.last == nil || !slices.Equal(names, f.last.names) {
			f.last = &listing{names}
		}
		return
	}
	if changed := f.changed(deltas); len(changed) > 0 {
		f.last = &listing{merge(f.last.names, changed)}
	}
}

// namesOf returns all names of a generation in ascending order.
func (f *nameFollower) namesOf(g *services.Generation) []string {
	of := g.All()
	if f.namespace != "" {
		of = g.Namespace(f.namespace)
	}
	names := []string{}
	for svc := range of {
		names = append(names, f.nameOf(svc))
	}
	slices.Sort(names) // as text "a-b/c" comes before "a/c"
	return names
}

// nameOf returns the name by which a service is listed.
func (f *nameFollower) nameOf(svc *services.Service) string {
	if f.namespace == "" {
		return svc.ServiceName().String()
	}
	return svc.Name
}

// has reports whether a service is to be listed.
func (f *nameFollower) has(svc *services.Service) bool {
	return f.namespace == "" || f.namespace == svc.Namespace
}

// changed returns which names deltas have added to the last ones, and which they have
// removed: those are false.
func (f *nameFollower) changed(deltas []services.Delta) map[string]bool {
	exists := map[string]bool{}
	for _, d := range deltas {
		for _, c := range d.Changes {
			switch {
			case c.Old == nil && f.has(c.New):
				exists[f.nameOf(c.New)] = true
			case c.New == nil && f.has(c.Old):
				exists[f.nameOf(c.Old)] = false
			}
		}
	}
	maps.DeleteFunc(exists, func(name string, exists bool) bool {
		_, existed := slices.BinarySearch(f.last.names, name)
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
