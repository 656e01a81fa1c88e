package services

import (
	"iter"
	"slices"

	"github.com/rosterdns/roster/catalog"
)

// Since yields the instances in which the service differs from another version of it,
// as they were there and as they are: nil where there is none. Its cost follows what
// has changed. They are as All yields them.
func (s *Service) Since(old *Service) iter.Seq2[*catalog.Instance, *catalog.Instance] {
	return func(yield func(old, next *catalog.Instance) bool) {
		for e, f := range differing(old.instances.runs, s.instances.runs) {
			if !yield(e.shown(), f.shown()) {
				return
			}
		}
	}
}

// shown returns the instance as readers see it, nil of none.
func (e *entry) shown() *catalog.Instance {
	if e == nil {
		return nil
	}
	return e.instance()
}

// differing yields the entries in which two versions differ, in order of ID.
func differing(old, next []run) iter.Seq2[*entry, *entry] {
	return func(yield func(old, next *entry) bool) {
		a, b := unshared(old, next)
		for len(a)+len(b) > 0 {
			var e, f *entry
			switch order := compareFirst(a, b); {
			case order < 0:
				e, a = a[0], a[1:]
			case order > 0:
				f, b = b[0], b[1:]
			default:
				e, f, a, b = a[0], b[0], a[1:], b[1:]
			}
			if e != f && !yield(e, f) {
				return
			}
		}
	}
}

// compareFirst compares the IDs that two runs begin with; what has none comes last.
func compareFirst(a, b run) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	}
	return a[0].compareID(b[0].id())
}

// unshared returns the entries of the runs that two versions don't share. A run that
// they share begins with the same ID in both, so that it is found in step.
func unshared(a, b []run) (ofA, ofB run) {
	for len(a) > 0 && len(b) > 0 {
		order := compareFirst(a[0], b[0])
		if order == 0 && &a[0][0] == &b[0][0] {
			a, b = a[1:], b[1:]
			continue
		}
		if order <= 0 {
			ofA, a = append(ofA, a[0]...), a[1:]
		}
		if order >= 0 {
			ofB, b = append(ofB, b[0]...), b[1:]
		}
	}
	return append(ofA, slices.Concat(a...)...), append(ofB, slices.Concat(b...)...)
}
