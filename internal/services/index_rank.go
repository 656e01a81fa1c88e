package services

import (
	"cmp"
	"sort"
	"strings"

	"github.com/rosterdns/roster/catalog"
)

// rank returns how many items are less than one. It costs O(log n) look-ups of
// O(log n) each.
func (x index[T]) rank(least T) int {
	if x.tree == nil {
		return 0
	}
	return sort.Search(x.tree.Len(), func(i int) bool {
		item, _ := x.tree.GetAt(i)
		return item.compare(least) >= 0
	})
}

// at returns the item of which that many are less.
func (x index[T]) at(rank int) T {
	item, _ := x.tree.GetAt(rank)
	return item
}

// List is a part of an index by position, as much as is needed of which is looked
// up: it costs the same for ten elements as for any number. It is immutable.
type List[T any] struct {
	n  int
	at func(i int) T
}

// Len returns how many elements there are.
func (l List[T]) Len() int { return l.n }

// At returns element i, from 0, in O(log n).
func (l List[T]) At(i int) T { return l.at(i) }

// section returns the items from one up to another, without that.
func section[T item[T], U any](x index[T], from, to T, of func(T) U) List[U] {
	first := x.rank(from)
	return List[U]{x.rank(to) - first, func(i int) U { return of(x.at(first + i)) }}
}

// namedPort says that services of a namespace have a named port.
type namedPort struct {
	namespace string
	port      catalog.PortName
	// count is how many services have it; in an edit how many more.
	count int
}

// compare orders named ports by namespace, then by protocol.
func (p namedPort) compare(other namedPort) int {
	return cmp.Or(
		strings.Compare(p.namespace, other.namespace),
		strings.Compare(p.port.Protocol, other.port.Protocol),
		strings.Compare(p.port.Name, other.port.Name),
	)
}

// resolveNamedPorts turns edits of the ports of services into those of an index of
// what ports there are.
func resolveNamedPorts(x index[namedPort], ports index[portItem], edits []indexEdit[portItem]) []indexEdit[namedPort] {
	more := map[namedPort]int{}
	for _, e := range edits {
		_, have := ports.get(e.item)
		key := namedPort{namespace: e.item.service.Namespace, port: e.item.port}
		switch {
		case e.remove && have:
			more[key]--
		case !e.remove && !have:
			more[key]++
		}
	}
	out := make([]indexEdit[namedPort], 0, len(more))
	for p, n := range more {
		have, _ := x.get(p)
		p.count = have.count + n
		out = append(out, indexEdit[namedPort]{item: p, remove: p.count == 0})
	}
	return out
}

// PortList returns what Ports yields, in order of protocol first.
func (g *Generation) PortList(namespace string) List[catalog.PortName] {
	const after = "~" // comes after all protocols
	return section(
		g.indexes.named, namedPort{namespace: namespace}, namedPort{namespace: namespace, port: catalog.PortName{Protocol: after}},
		func(p namedPort) catalog.PortName { return p.port },
	)
}

// HasProtocol reports whether an instance in a namespace has a named port of a
// protocol, whatever its status.
func (g *Generation) HasProtocol(namespace, protocol string) bool {
	for p := range g.indexes.named.from(namedPort{namespace: namespace, port: catalog.PortName{Protocol: protocol}}) {
		return p.namespace == namespace && p.port.Protocol == protocol
	}
	return false
}

// PortServices returns the names of the services that WithPort yields, but for those
// longer than that many octets.
func (g *Generation) PortServices(namespace string, port catalog.PortName, octets int) List[string] {
	from, to := catalog.ServiceName{Namespace: namespace}, catalog.ServiceName{Namespace: namespace, Name: afterNames(octets)}
	return section(
		g.indexes.ports, portItem{service: &from, port: port}, portItem{service: &to, port: port},
		func(i portItem) string { return i.service.Name },
	)
}
