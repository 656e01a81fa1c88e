// Package live shows how the instances of a service change.
package live

import (
	"strings"

	"github.com/rosterdns/roster/registrar"
)

// Kind is what has happened to an instance.
type Kind uint8

// What can happen to an instance of a set.
const (
	Added Kind = iota + 1
	Changed
	Removed
)

// String returns the kind in lower case.
func (k Kind) String() string { return kindNames[k] }

var kindNames = [...]string{Added: "added", Changed: "changed", Removed: "removed"}

// Change is what has happened to an instance.
type Change struct {
	Kind Kind
	// Instance is the instance as it is; of one that was removed, as it was.
	Instance *registrar.Instance
	// Before is what a changed instance was; nil with other kinds.
	Before *registrar.Instance
}

// Changes returns what leads from one set of instances to another, in order of IDs, as
// the sets are.
func Changes(from, to []registrar.Instance) []Change {
	var changes []Change
	for len(from) > 0 || len(to) > 0 {
		switch order := compare(from, to); {
		case order < 0:
			changes = append(changes, Change{Kind: Removed, Instance: &from[0]})
			from = from[1:]
		case order > 0:
			changes = append(changes, Change{Kind: Added, Instance: &to[0]})
			to = to[1:]
		default:
			if !from[0].Equal(&to[0]) {
				changes = append(changes, Change{Kind: Changed, Instance: &to[0], Before: &from[0]})
			}
			from, to = from[1:], to[1:]
		}
	}
	return changes
}

// compare orders the first instances of two sets, of which one can be empty.
func compare(a, b []registrar.Instance) int {
	switch {
	case len(a) == 0:
		return 1
	case len(b) == 0:
		return -1
	default:
		return strings.Compare(a[0].ID, b[0].ID)
	}
}

// Instances returns those of a service that can be nil.
func Instances(s *registrar.Service) []registrar.Instance {
	if s == nil {
		return nil
	}
	return s.Instances
}
