// Package services shows the keys of a registry as services: the view that the
// DNS plugin and the registrar's etcd driver read. A reader takes a whole
// generation with one atomic load; what it finds there never changes.
package services

import (
	"iter"
	"slices"
	"strings"
	"sync/atomic"

	iradix "github.com/hashicorp/go-immutable-radix/v2"

	"github.com/rosterdns/roster/catalog"
)

// Service is one version of a service. It is immutable but for its attachment,
// and shared.
type Service struct {
	Namespace, Name string
	// Instances are the valid instances ordered by ID, whatever their status.
	// Their status has the operator's override applied.
	Instances []catalog.Instance
	// Revision is the etcd revision of the last change to the service.
	Revision int64

	// overrides are the operator's words on instances, present or not, by ID.
	overrides map[string]override
	// attached returns the attachment.
	attached atomic.Pointer[func() any]
}

// override is an operator's word on an instance, and the instance's own status
// to return to when the word is taken back.
type override struct {
	status catalog.Status
	own    catalog.Status
}

// Instance returns the instance with the ID, or nil. It costs a binary search.
func (s *Service) Instance(id string) *catalog.Instance {
	i, ok := s.find(id)
	if !ok {
		return nil
	}
	return &s.Instances[i]
}

func (s *Service) find(id string) (int, bool) {
	return slices.BinarySearchFunc(s.Instances, id, func(in catalog.Instance, id string) int {
		return strings.Compare(in.ID, id)
	})
}

// Generation is the state of a registry at one revision. It is immutable.
type Generation struct {
	tree                *iradix.Tree[*Service] // by appendKey
	services, instances int
	revision            int64
	serial              serial
}

// appendKey appends the key of a service in the tree. The separator sorts below
// every character of a label, so that keys are in order of namespace, then name.
func appendKey(buf []byte, namespace, name string) []byte {
	return append(append(append(buf, namespace...), 0), name...)
}

// Revision returns the etcd revision that the generation shows; 0 before the
// first list is complete.
func (g *Generation) Revision() int64 { return g.revision }

// Serial returns the SOA serial of the generation: the low 32 bits of the
// revision and an offset that makes up for revisions that moved backward, so
// that it rises with each change (RFC 1982) and is never 0; but 0 before the
// first list is complete. Changes that a list brings show in it when the list
// is complete.
func (g *Generation) Serial() uint32 { return uint32(g.serial.value) }

// Services returns how many services have an instance.
func (g *Generation) Services() int { return g.services }

// Instances returns how many valid instances there are.
func (g *Generation) Instances() int { return g.instances }

// Service returns a service that exists, or nil.
func (g *Generation) Service(namespace, name string) *Service {
	var buf [2*catalog.MaxLabel + 1]byte // keeps the key off the heap
	s, ok := g.tree.Get(appendKey(buf[:0], namespace, name))
	if !ok {
		return nil
	}
	return s
}

// Namespace yields the services of a namespace in ascending order of name.
func (g *Generation) Namespace(namespace string) iter.Seq[*Service] {
	return g.walk(appendKey(nil, namespace, ""))
}

// All yields every service in ascending order of namespace and name.
func (g *Generation) All() iter.Seq[*Service] { return g.walk(nil) }

// HasNamespace reports whether a service of the namespace exists.
func (g *Generation) HasNamespace(namespace string) bool {
	for range g.Namespace(namespace) {
		return true
	}
	return false
}

func (g *Generation) walk(prefix []byte) iter.Seq[*Service] {
	return func(yield func(*Service) bool) {
		g.tree.Root().WalkPrefix(prefix, func(_ []byte, s *Service) bool {
			return !yield(s)
		})
	}
}
