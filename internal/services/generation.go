package services

import (
	"iter"
	"slices"
	"strings"

	"github.com/tidwall/btree"

	"github.com/rosterdns/roster/internal/mirror"
)

// Generation is the state of a registry after one commit. It is immutable.
type Generation struct {
	// namespaces are those that have a service. Generations share nodes. Only a
	// writer may copy it, which touches the original too.
	namespaces          btree.Map[string, *namespace]
	indexes             indexes
	services, instances int
	revision            int64
	serial              serial
	// filtered is what filters show of it.
	filtered []filtered
	// whole is the generation of which a filter shows this one; nil without a filter.
	whole *Generation
}

// filtered is what a filter shows of a generation: another one, which has the same
// services but for those of which the filter shows something else.
type filtered struct {
	filter Filter
	*Generation
}

// namespace holds the services of a namespace by name. It is immutable once it
// is in a generation.
type namespace = btree.Map[string, *Service]

// namespaceDegree makes nodes of at most 15 services: each commit copies those on
// the way to what it changes. With 10,000 services that takes a sixth less time
// than with the default, 32, and look-ups take no longer.
const namespaceDegree = 8

// Revision returns the etcd revision that the generation shows; 0 before the
// first list is complete.
func (g *Generation) Revision() int64 { return g.revision }

// Serial returns the SOA serial of the generation: the low 32 bits of the
// revision and an offset that makes up for revisions that moved backward, so
// that it rises with each change (RFC 1982) and is never 0: before the first
// list is complete it is 1.
func (g *Generation) Serial() uint32 { return max(1, uint32(g.serial.value)) }

// FullSerial returns the SOA serial before it is cut to 32 bits, for a snapshot;
// 0 before the first list is complete.
func (g *Generation) FullSerial() int64 { return g.serial.value }

// SerialOffset returns the offset of the revision that makes the serial which
// equal servers come to show. FullSerial can be ahead of it for a while.
func (g *Generation) SerialOffset() int64 { return g.serial.offset }

// Services returns how many services exist: those that have an instance, or a
// policy with an alias or failover.
func (g *Generation) Services() int { return g.services }

// Instances returns how many valid instances there are.
func (g *Generation) Instances() int { return g.instances }

// Service returns a service that exists, or nil. One can exist without an
// instance. It allocates nothing.
func (g *Generation) Service(namespace, name string) *Service {
	ns, ok := g.namespaces.Get(namespace)
	if !ok {
		return nil
	}
	s, _ := ns.Get(name)
	return s
}

// serviceOf returns the service of the instance with the key N/S/I, or nil if there
// is no such instance.
func (g *Generation) serviceOf(key string) *Service {
	namespace, rest, _ := strings.Cut(key, "/")
	name, id, _ := strings.Cut(rest, "/")
	if s := g.Service(namespace, name); s != nil && s.instances.get(id) != nil {
		return s
	}
	return nil
}

// versions calls do for a service of the generation, and for what filters show of it;
// nil stands for a service that is not there.
func (g *Generation) versions(s *Service, do func(*Service)) {
	if s == nil {
		return
	}
	do(s)
	for _, f := range g.filtered {
		if shown := f.Service(s.Namespace, s.Name); shown != nil {
			do(shown)
		}
	}
}

// HasNamespace reports whether a service of the namespace exists.
func (g *Generation) HasNamespace(namespace string) bool {
	_, ok := g.namespaces.Get(namespace)
	return ok
}

// Namespace yields the services of a namespace in ascending order of name.
func (g *Generation) Namespace(namespace string) iter.Seq[*Service] {
	return func(yield func(*Service) bool) {
		if ns, ok := g.namespaces.Get(namespace); ok {
			ns.Scan(func(_ string, s *Service) bool { return yield(s) })
		}
	}
}

// All yields every service in ascending order of namespace and name.
func (g *Generation) All() iter.Seq[*Service] {
	return func(yield func(*Service) bool) {
		g.namespaces.Scan(func(_ string, ns *namespace) bool {
			more := true
			ns.Scan(func(_ string, s *Service) bool {
				more = yield(s)
				return more
			})
			return more
		})
	}
}

// Unfiltered returns the generation of which a filter shows this one: itself without a
// filter.
func (g *Generation) Unfiltered() *Generation {
	if g.whole != nil {
		return g.whole
	}
	return g
}

// through returns what the filter with a key shows, or nil if there is none.
func (g *Generation) through(key string) *Generation {
	for i := range g.filtered {
		if g.filtered[i].filter.Key() == key {
			return g.filtered[i].Generation
		}
	}
	return nil
}

// settle has what filters show be of this generation: one is shown under one serial.
func (g *Generation) settle() {
	g.filtered = slices.Clone(g.filtered)
	for i := range g.filtered {
		f := &g.filtered[i]
		f.Generation = f.with(nil)
		f.revision, f.serial, f.whole = g.revision, g.serial, g
	}
}

// with returns a generation in which the changes are made. Its revision, serial
// and indexes are those of g, and what filters show is what they show of g.
func (g *Generation) with(changes []Change) *Generation {
	next := &Generation{
		indexes: g.indexes, services: g.services, instances: g.instances, revision: g.revision, serial: g.serial, filtered: g.filtered,
	}
	if len(changes) == 0 {
		next.namespaces = g.namespaces
		return next
	}
	next.namespaces = *g.namespaces.Copy()
	for rest := changes; len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n].namespace() == rest[0].namespace() {
			n++
		}
		next.changeNamespace(rest[0].namespace(), rest[:n])
		rest = rest[n:]
	}
	return next
}

// changeNamespace makes changes of one namespace.
func (g *Generation) changeNamespace(name string, changes []Change) {
	ns := btree.NewMap[string, *Service](namespaceDegree)
	if old, ok := g.namespaces.Get(name); ok {
		ns = old.Copy()
	}
	for _, c := range changes {
		if c.Old != nil {
			g.services--
			g.instances -= c.Old.Len()
		}
		if c.New != nil {
			g.services++
			g.instances += c.New.Len()
			ns.Set(c.New.Name, c.New)
		} else {
			ns.Delete(c.Old.Name)
		}
	}
	if ns.Len() == 0 {
		g.namespaces.Delete(name)
	} else {
		g.namespaces.Set(name, ns)
	}
}

// advance takes over the revision of a commit, and moves the serial on.
func (g *Generation) advance(c mirror.Commit, changed bool) {
	before := g.revision
	// The minimum of several ranges is lower for a while when one is added.
	if c.Revision > before || c.Regressed && c.Revision != 0 {
		g.revision = c.Revision
	}
	switch {
	case g.serial.restoring && c.Cause == mirror.CauseRestore: // it is that of the contents already
	case c.Revision != 0:
		g.serial.advance(g.revision, changed, g.revision < before)
	case g.serial.value != 0: // no list is complete
		g.serial.raise(g.serial.value, changed)
	}
	g.serial.restoring = false
}
