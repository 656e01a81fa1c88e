package roster

import (
	"slices"

	"github.com/rosterdns/roster/catalog"
)

// selection is what answers need of the instances that a selector selects from a
// service. Each part is made at its first use.
type selection struct {
	of *members
	// selector is without what all questions of the service have in common.
	selector catalog.Selector
	// candidates are those who are up of whom the selector selects; nil without a
	// selector.
	candidates []*catalog.Instance
	// large has most of it, where it is all of a large service; else it is nil.
	large *large
	// passing says that the selection is for one question, and not remembered.
	passing bool

	match     lazy[[]*catalog.Instance]
	near      lazy[[]*catalog.Instance]
	addresses lazy[*addressSets]
	all       lazy[*srvSet]
	bindings  lazy[*svcbSet]
	ports     [portKeyings]lazy[map[portKey]*portSet]
	// atPorts are the targets of a large service by port.
	atPorts lazySet[portKey, *srvSet]
}

// matching returns the instances that are selected, but for the preference for a
// locality.
func (s *selection) matching() []*catalog.Instance {
	if v := s.match.made.Load(); v != nil {
		return *v
	}
	return *s.match.get(func() []*catalog.Instance {
		if s.candidates == nil {
			selector := catalog.Selector{MinUp: s.of.service.Policy().Up()}
			return selector.Select(s.of.all(), s.of.service.Len())
		}
		selector := s.selector
		selector.Prefer = ""
		return selector.Narrow(s.candidates)
	})
}

// selected returns the instances that questions without a port are answered from.
func (s *selection) selected() []*catalog.Instance {
	if v := s.near.made.Load(); v != nil {
		return *v
	}
	return *s.near.get(func() []*catalog.Instance {
		return catalog.Nearest(s.matching(), s.selector.Prefer, func(in *catalog.Instance) *catalog.Instance { return in })
	})
}

// soleHost returns the host that the service's name is an alias of, or nil.
func (s *selection) soleHost() *catalog.Instance {
	if s.large != nil && s.large.count() != 1 {
		return nil
	}
	return catalog.SoleHost(s.selected())
}

// addressSet returns the addresses for questions of the type, A or AAAA.
func (s *selection) addressSet(rrtype uint16) *addressSet {
	if v := s.addresses.made.Load(); v != nil {
		return (*v).of(rrtype)
	}
	sets := s.addresses.get(func() *addressSets {
		if s.large != nil {
			return s.large.addressSets()
		}
		return newAddressSets(catalog.Preferred(s.selected()))
	})
	return (*sets).of(rrtype)
}

// srvSet returns the targets of all ports.
func (s *selection) srvSet() *srvSet {
	if v := s.all.made.Load(); v != nil {
		return *v
	}
	return *s.all.get(func() *srvSet {
		if s.large != nil {
			return s.large.srvSet()
		}
		return newSRVSet(allPorts(s.selected()))
	})
}

// srvAt returns the targets that have a port, or nil if there is none.
func (s *selection) srvAt(key portKey) *srvSet {
	if s.large != nil {
		if targets, exists, ok := s.large.port(key); ok {
			if !exists {
				return nil
			}
			return s.atPorts.get(key, func() (portKey, *srvSet) { return key.clone(), newLargeSRVSet(targets) })
		}
	}
	if port := s.port(key); port != nil {
		return port.srvSet()
	}
	return nil
}

// hasPort reports whether there is the port.
func (s *selection) hasPort(key portKey) bool {
	if s.large != nil {
		if _, exists, ok := s.large.port(key); ok {
			return exists
		}
	}
	return s.port(key) != nil
}

// svcbSet returns the endpoints for questions of type SVCB and HTTPS.
func (s *selection) svcbSet() *svcbSet {
	return *s.bindings.get(func() *svcbSet { return newSVCBSet(s.selected()) })
}

// portsBy returns the ports of the selected instances, by what tells them apart.
func (s *selection) portsBy(k portKeying) map[portKey]*portSet {
	if v := s.ports[k].made.Load(); v != nil {
		return *v
	}
	return *s.ports[k].get(func() map[portKey]*portSet {
		instances := slices.Values(s.matching())
		if s.candidates == nil {
			instances = s.of.all() // whose ports exist, whoever is selected
		}
		return newPorts(instances, s.matching(), s.selector.Prefer, k.key)
	})
}

// port returns the instances with a port, or nil if there is none.
func (s *selection) port(key portKey) *portSet { return s.portsBy(key.keying())[key] }
