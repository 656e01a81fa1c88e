package dns

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// set is what answers say of the instances of a service. The order of records and of
// answers doesn't matter.
type set struct {
	members map[string]*member // by the name that SRV records have as target
	// alias is the host that the service's name is a CNAME of: only names of its ports have
	// SRV records then. It is nil where that isn't so.
	alias *member
}

// member is what a target of SRV records is.
type member struct {
	target           string
	id               string // of the instance; empty for a host
	service          catalog.ServiceName
	priority, weight uint16
	ports            map[uint16][]catalog.PortName // the names of each; none for one without
	addresses        []netip.Addr
	metadata         map[string]string
}

// newSet returns the set that an answer makes for a service.
func newSet(a answer, service catalog.ServiceName, zone string) *set {
	s := &set{members: map[string]*member{}}
	for srv := range recordsOf[*dns.SRV](a) {
		target := dns.CanonicalName(srv.Target)
		m := s.members[target]
		if m == nil {
			m = s.add(target)
			m.id, m.service, _ = parseInstance(target, zone)
		}
		m.add(srv)
	}
	// The instances are of one service: another one's instance is a host by its name.
	answering := s.answering(service)
	for _, m := range s.members {
		if m.service != answering {
			m.id = ""
		}
	}
	if len(s.members) == 0 && a.alias != "" {
		s.alias = s.add(a.alias)
	}
	return s
}

func (s *set) add(target string) *member {
	m := &member{target: target, ports: map[uint16][]catalog.PortName{}}
	s.members[target] = m
	return m
}

// add adds a record. Of those that contradict each other the best counts, wherever it
// stands.
func (m *member) add(srv *dns.SRV) {
	weight := max(srv.Weight, 1) // 0 is the smallest (RFC 2782), and in package catalog the default
	if len(m.ports) == 0 || cmp.Or(cmp.Compare(srv.Priority, m.priority), cmp.Compare(m.weight, weight)) < 0 {
		m.priority, m.weight = srv.Priority, weight
	}
	if _, known := m.ports[srv.Port]; !known {
		m.ports[srv.Port] = nil
	}
}

// answering returns the service whose instances the set has: the one that was asked for,
// also where there are none, or another by its policy.
func (s *set) answering(asked catalog.ServiceName) catalog.ServiceName {
	var others []catalog.ServiceName
	for _, m := range s.members {
		if m.service == asked {
			return asked
		}
		if m.id != "" {
			others = append(others, m.service)
		}
	}
	if len(others) == 0 {
		return asked
	}
	return slices.MinFunc(others, catalog.ServiceName.Compare)
}

// name adds the name of ports, by the answer to it. What the set lacks isn't added: the
// answer is younger or older than it, or a sample.
func (s *set) name(p catalog.PortName, a answer) {
	for srv := range recordsOf[*dns.SRV](a) {
		m := s.members[dns.CanonicalName(srv.Target)]
		if m == nil {
			continue
		}
		if m == s.alias {
			m.add(srv)
		}
		if names, ok := m.ports[srv.Port]; ok && !slices.Contains(names, p) {
			m.ports[srv.Port] = append(names, p)
		}
	}
}

// named reports whether the name of any port of the member is known.
func (m *member) named() bool {
	for _, names := range m.ports {
		if len(names) > 0 {
			return true
		}
	}
	return false
}

// withID returns the members that are not hosts, in order of their targets.
func (s *set) withID() (members []*member) {
	for _, target := range slices.Sorted(maps.Keys(s.members)) {
		if m := s.members[target]; m.id != "" {
			members = append(members, m)
		}
	}
	return members
}

// instances returns the instances, ordered by ID, without those that break a rule.
func (s *set) instances() []registrar.Instance {
	all := make([]registrar.Instance, 0, len(s.members))
	for _, target := range slices.Sorted(maps.Keys(s.members)) {
		in := s.members[target].instance()
		if in.Validate() != nil {
			in.Metadata = nil // an instance is worth more than what is said of it
		}
		if in.Validate() == nil {
			all = append(all, in)
		}
	}
	byID := func(a, b registrar.Instance) int { return strings.Compare(a.ID, b.ID) }
	slices.SortStableFunc(all, byID)
	return slices.CompactFunc(all, func(a, b registrar.Instance) bool { return byID(a, b) == 0 })
}

// instance returns the instance that the member is. Ports and addresses are in ascending
// order, since that of records is random.
func (m *member) instance() registrar.Instance {
	in := registrar.Instance{ID: m.id, Priority: m.priority, Weight: m.weight, Metadata: m.metadata}
	for _, number := range slices.Sorted(maps.Keys(m.ports)) {
		names := slices.SortedFunc(slices.Values(m.ports[number]), catalog.PortName.Compare)
		if len(names) == 0 {
			names = append(names, catalog.PortName{Protocol: catalog.ProtocolTCP})
		}
		for _, n := range names {
			p := registrar.Port{Name: n.Name, Port: number, Protocol: n.Protocol}
			if !slices.ContainsFunc(in.Ports, func(q registrar.Port) bool { return q.Name == p.Name && q.Protocol == p.Protocol }) {
				in.Ports = append(in.Ports, p)
			}
		}
	}
	if m.id == "" {
		in.Host = strings.TrimSuffix(m.target, ".")
		in.ID = in.StableID()
	} else {
		in.Addresses = slices.Compact(slices.SortedFunc(slices.Values(m.addresses), netip.Addr.Compare))
	}
	in.Normalize()
	return in
}
