package services

import (
	"slices"
	"sync/atomic"
)

// Filtered is a Store as a filter shows it. Reading never blocks. Its methods are safe
// for concurrent use.
type Filtered struct {
	store *Store
	key   string
	// last is what the filter has shown last, once it is closed.
	last atomic.Pointer[Generation]
}

// Filter has each generation from now on also as a filter shows it, until Close. All who
// ask for equal filters have the same. It costs one pass over what the Store has, and of
// each commit what that costs once more.
func (s *Store) Filter(f Filter) *Filtered {
	altered := s.addFilter(f)
	altered.report()
	return &Filtered{store: s, key: f.Key()}
}

// addFilter returns of which instances a filter shows something else, if there was no
// equal one.
func (s *Store) addFilter(f Filter) alteration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.filters == nil {
		s.filters = map[string]int{}
	}
	if s.filters[f.Key()]++; s.filters[f.Key()] > 1 {
		return alteration{}
	}
	next := s.Load().with(nil)
	// It begins with all, and shares that but for what is shown otherwise.
	shown := next.with(nil)
	shown.filtered, shown.indexes = nil, next.indexes.fork()
	w := newFiltering(f, shown)
	var all []replacement
	for svc := range next.All() {
		all = all[:0]
		for e := range svc.instances.all() {
			all = append(all, replacement{e, e})
		}
		w.change(&Change{Old: svc, New: svc}, all)
	}
	for i := range w.altered {
		w.altered[i].Old = nil // which has been shown by nobody
	}
	next.filtered = append(slices.Clip(next.filtered), filtered{f, w.generation()})
	s.publish(next, nil, 0, false)
	return alteration{f, w.altered}
}

// Close ends it: what is shown stays as it is. It is called once.
func (f *Filtered) Close() {
	s := f.store
	s.mu.Lock()
	defer s.mu.Unlock()
	f.last.Store(f.Load())
	if s.filters[f.key]--; s.filters[f.key] > 0 {
		return
	}
	delete(s.filters, f.key)
	next := s.Load().with(nil)
	next.filtered = slices.DeleteFunc(slices.Clone(next.filtered), func(one filtered) bool { return one.filter.Key() == f.key })
	s.publish(next, nil, 0, false)
}

// Load returns what the filter shows of the present generation. It allocates nothing.
func (f *Filtered) Load() *Generation {
	if g := f.store.Load().through(f.key); g != nil {
		return g
	}
	return f.last.Load()
}

// Since is Store.Since of what the filter shows. Nothing is known of what was shown
// before there was the filter.
func (f *Filtered) Since(serial uint32) History {
	whole := f.store.Since(serial)
	h := History{Present: whole.Present.through(f.key)}
	if h.Present == nil {
		h.Present = f.last.Load()
		return h
	}
	if whole.Before != nil {
		h.Before = whole.Before.through(f.key)
	}
	if h.Before == nil {
		return h
	}
	for i := range whole.Changes {
		name := whole.Changes[i].name()
		c := Change{Old: h.Before.Service(name.Namespace, name.Name), New: h.Present.Service(name.Namespace, name.Name)}
		if c.Old != c.New {
			h.Changes = append(h.Changes, c)
		}
	}
	return h
}
