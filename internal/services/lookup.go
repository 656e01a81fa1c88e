package services

import (
	"iter"
	"net/netip"

	"github.com/rosterdns/roster/catalog"
)

// WithAddress yields the instances that have an address, whatever their status, each
// with its service, in no particular order. After Store.IndexAddresses its cost is
// that of what it yields, before it goes through all instances.
func (g *Generation) WithAddress(a netip.Addr) iter.Seq2[*Service, *catalog.Instance] {
	return func(yield func(*Service, *catalog.Instance) bool) {
		a = a.Unmap().WithZone("")
		if !g.indexes.addresses.maintained {
			g.eachWithAddress(a, yield)
			return
		}
		for service, id := range g.indexes.addresses.locations(a) {
			s := g.Service(service.Namespace, service.Name)
			if s == nil {
				continue
			}
			if e := s.instances.get(id); e != nil && e.has(a) && !yield(s, e.instance()) {
				return
			}
		}
	}
}

// eachWithAddress is WithAddress without an index.
func (g *Generation) eachWithAddress(a netip.Addr, yield func(*Service, *catalog.Instance) bool) {
	for s := range g.All() {
		for e := range s.instances.all() {
			if e.has(a) && !yield(s, e.instance()) {
				return
			}
		}
	}
}

// Ports yields the names of ports that an instance in a namespace has, whatever
// its status, in ascending order. It costs a search for each.
func (g *Generation) Ports(namespace string) iter.Seq[catalog.PortName] {
	return func(yield func(catalog.PortName) bool) {
		next := portItem{service: &catalog.ServiceName{Namespace: namespace}}
		for {
			found := false
			for i := range g.indexes.ports.from(next) {
				found = i.service.Namespace == namespace
				next.port = i.port
				break
			}
			if !found || !yield(next.port) {
				return
			}
			next.service = &catalog.ServiceName{Namespace: namespace, Name: afterNames(catalog.MaxLabel)}
		}
	}
}

// WithPort yields the services of a namespace of which an instance has a port of
// that name, whatever its status, shorter names first, and those of one length in
// ascending order.
func (g *Generation) WithPort(namespace string, port catalog.PortName) iter.Seq[*Service] {
	return func(yield func(*Service) bool) {
		least := portItem{service: &catalog.ServiceName{Namespace: namespace}, port: port}
		for i := range g.indexes.ports.from(least) {
			if i.port != port || i.service.Namespace != namespace || !yield(g.Service(namespace, i.service.Name)) {
				return
			}
		}
	}
}

// Dependents yields the services whose alias or failover names a service, whether
// that exists or not, in ascending order. What answers for them can change with
// each change of that service.
func (g *Generation) Dependents(target catalog.ServiceName) iter.Seq[*Service] {
	return func(yield func(*Service) bool) {
		for i := range g.indexes.dependents.from(dependentItem{target: target}) {
			if i.target != target || !yield(g.Service(i.service.Namespace, i.service.Name)) {
				return
			}
		}
	}
}
