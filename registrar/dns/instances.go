package dns

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// instances returns the instances, ordered by ID, without those that break a rule.
func (s *set) instances() []registrar.Instance {
	all := []registrar.Instance{}
	for _, m := range s.members {
		for _, in := range m.instances() {
			if in.Validate() != nil {
				in.Metadata = nil // an instance is worth more than what is said of it
			}
			if in.Validate() == nil {
				all = append(all, in)
			}
		}
	}
	slices.SortFunc(all, func(a, b registrar.Instance) int {
		return cmp.Or(strings.Compare(a.ID, b.ID), strings.Compare(a.Host, b.Host))
	})
	return slices.CompactFunc(all, func(a, b registrar.Instance) bool { return a.ID == b.ID })
}

// instances returns the instance that the member is. A host can be several, with the same
// names for different ports.
func (m *member) instances() (list []registrar.Instance) {
	for _, in := range m.byPorts() {
		in.Normalize()
		if in.Host != "" {
			in.ID = in.StableID()
		}
		list = append(list, in)
		if m.id != "" {
			break // an instance has one port of a name
		}
	}
	return list
}

// byPorts returns instances of which each has no name of a port twice, as few as are
// needed.
func (m *member) byPorts() []registrar.Instance {
	in := registrar.Instance{ID: m.id, Metadata: m.metadata}
	if m.id == "" {
		in.Host = strings.TrimSuffix(m.target, ".")
	} else {
		in.Addresses = slices.Compact(slices.SortedFunc(slices.Values(m.addresses), netip.Addr.Compare))
	}
	var list []registrar.Instance
	for _, number := range slices.Sorted(maps.Keys(m.offers)) {
		o := m.offers[number]
		for _, p := range o.ports() {
			i := slices.IndexFunc(list, func(in registrar.Instance) bool { return !has(in.Ports, p) })
			if i < 0 {
				i = len(list)
				in.Priority, in.Weight = o.priority, o.weight
				list = append(list, in)
			}
			list[i].Ports = append(list[i].Ports, p)
		}
	}
	if len(list) == 0 {
		list = append(list, in)
	}
	return list
}

// ports returns the port under each of its names, in order.
func (o *offer) ports() []registrar.Port {
	if len(o.names) == 0 {
		return []registrar.Port{{Port: o.number, Protocol: catalog.ProtocolTCP}}
	}
	var ports []registrar.Port
	for _, n := range slices.SortedFunc(slices.Values(o.names), catalog.PortName.Compare) {
		ports = append(ports, registrar.Port{Name: n.Name, Port: o.number, Protocol: n.Protocol})
	}
	return ports
}

// has reports whether one of the ports is called as another.
func has(ports []registrar.Port, other registrar.Port) bool {
	return slices.ContainsFunc(ports, func(p registrar.Port) bool { return p.Name == other.Name && p.Protocol == other.Protocol })
}
