package roster

import (
	"iter"
	"net/netip"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
)

// What follows is of the indexes of a generation. A filter has to look at services one
// by one, so that blocks with allow_net or deny_net pay for each that comes before one
// that is served.

// hasNamespace reports whether a service of the namespace is served.
func (q *question) hasNamespace() bool {
	if q.block.nets == nil {
		return q.gen.HasNamespace(q.namespace)
	}
	for s := range q.gen.Namespace(q.namespace) {
		if q.serve(s) != nil {
			return true
		}
	}
	return false
}

// withPort reports whether something of a service is served that has the port.
func (f *netFilter) withPort(s *services.Service, p catalog.PortName) bool {
	sv := f.of(s)
	return sv != nil && sv.hasPort(nameKey(p))
}

// hasPort reports whether something is served in a namespace that has the port.
func (f *netFilter) hasPort(g *services.Generation, namespace string, p catalog.PortName) bool {
	for s := range g.WithPort(namespace, p) {
		if f.withPort(s, p) {
			return true
		}
	}
	return false
}

// hasProtocol reports whether something is served in a namespace that has a named port
// of a protocol.
func (f *netFilter) hasProtocol(g *services.Generation, namespace, protocol string) bool {
	if f == nil {
		return g.HasProtocol(namespace, protocol)
	}
	for p := range g.Ports(namespace) {
		if p.Protocol == protocol && f.hasPort(g, namespace, p) {
			return true
		}
	}
	return false
}

// portList returns the named ports of what is served in a namespace; with a filter no
// more than most.
func (f *netFilter) portList(g *services.Generation, namespace string, most int) list[catalog.PortName] {
	all := g.PortList(namespace)
	if f == nil {
		return all
	}
	return where(all, most, func(p catalog.PortName) bool { return f.hasPort(g, namespace, p) })
}

// portServices returns the names of the services of a namespace with a named port; with
// a filter no more than most.
func (f *netFilter) portServices(g *services.Generation, namespace string, p catalog.PortName, most int) list[string] {
	all := g.PortServices(namespace, p)
	if f == nil {
		return all
	}
	return where(all, most, func(name string) bool { return f.withPort(g.Service(namespace, name), p) })
}

// withAddress yields the instances with an address that is served.
func (f *netFilter) withAddress(g *services.Generation, a netip.Addr) iter.Seq2[*services.Service, *catalog.Instance] {
	if f != nil && !f.serves(a) {
		return func(func(*services.Service, *catalog.Instance) bool) {}
	}
	return g.WithAddress(a)
}

// anyIn reports whether an instance has an address that is served and begins with a
// prefix. It looks at no more addresses than there are networks.
func (f *netFilter) anyIn(g *services.Generation, p netip.Prefix) bool {
	a, ok := g.AddressFrom(p.Addr())
	for ok && p.Contains(a) {
		if f == nil || f.serves(a) {
			return true
		}
		if a = f.skip(a); !a.IsValid() {
			return false
		}
		a, ok = g.AddressFrom(a)
	}
	return false
}

// skip returns the lowest address above one that is not served for which it can be
// otherwise; the zero one if there is none.
func (f *netFilter) skip(a netip.Addr) netip.Addr {
	for _, p := range f.deny {
		if p.Contains(a) {
			return lastOf(p).Next()
		}
	}
	next := netip.Addr{}
	for _, p := range f.allow {
		if first := p.Addr(); first.BitLen() == a.BitLen() && a.Less(first) && (!next.IsValid() || first.Less(next)) {
			next = first
		}
	}
	return next
}

// lastOf returns the highest address of a network.
func lastOf(p netip.Prefix) netip.Addr {
	octets := p.Addr().AsSlice()
	for i := p.Bits(); i < 8*len(octets); i++ {
		octets[i/8] |= 1 << (7 - i%8)
	}
	a, _ := netip.AddrFromSlice(octets)
	return a
}
