package dns

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
)

// set is what answers say of the instances of a service. The order of records and of
// answers doesn't matter.
type set struct {
	members map[string]*member // by the name that SRV records have as target
	// alias is the host that the service's name is a CNAME of, so that only names of ports
	// have SRV records; nil where that isn't so.
	alias *member
}

// member is what a target of SRV records is.
type member struct {
	target    string
	id        string // of the instance; empty for a host
	service   catalog.ServiceName
	offers    map[uint16]*offer // by port
	addresses []netip.Addr
	metadata  map[string]string
}

// offer is a port of a member.
type offer struct {
	number           uint16
	priority, weight uint16
	names            []catalog.PortName // none for a port without a name
}

// newSet returns the set that SRV records make for a service.
func newSet(records []dns.RR, service catalog.ServiceName, zone string) *set {
	s := &set{members: map[string]*member{}}
	for _, rr := range records {
		srv, ok := rr.(*dns.SRV)
		if !ok || srv.Target == "." { // which says that there is nothing (RFC 2782)
			continue
		}
		target := dns.CanonicalName(srv.Target)
		m := s.members[target]
		if m == nil {
			m = s.add(target)
			m.id, m.service, _ = parseInstance(target, zone)
		}
		m.offer(srv)
	}
	// The instances are of one service: another one's instance is a host by its name.
	if answering, ok := s.answering(service); ok {
		for _, m := range s.members {
			if m.service != answering {
				m.id = ""
			}
		}
	}
	return s
}

func (s *set) add(target string) *member {
	m := &member{target: target, offers: map[uint16]*offer{}}
	s.members[target] = m
	return m
}

// answering returns the service whose instances the set has: the one that was asked for,
// or another by its policy. It reports false where there are only hosts.
func (s *set) answering(asked catalog.ServiceName) (first catalog.ServiceName, ok bool) {
	for _, m := range s.members {
		switch {
		case m.id == "":
		case m.service == asked:
			return asked, true
		case !ok || m.service.Compare(first) < 0:
			first, ok = m.service, true
		}
	}
	return first, ok
}

// offer adds a port, or says more of it. Of records that contradict each other the better
// one counts, whichever is first.
func (m *member) offer(srv *dns.SRV) {
	if srv.Port == 0 {
		return // nobody listens there
	}
	next := &offer{number: srv.Port, priority: srv.Priority, weight: max(srv.Weight, 1)}
	if known := m.offers[srv.Port]; known == nil {
		m.offers[srv.Port] = next
	} else if next.compare(known) < 0 {
		known.priority, known.weight = next.priority, next.weight
	}
}

// compare orders offers: the better one is less.
func (o *offer) compare(other *offer) int {
	return cmp.Or(cmp.Compare(o.priority, other.priority), cmp.Compare(other.weight, o.weight))
}

// name adds the name of ports that SRV records have. What the set lacks isn't added: the
// records are younger or older than it, or a sample of them.
func (s *set) name(p catalog.PortName, records []dns.RR) {
	for _, rr := range records {
		srv, ok := rr.(*dns.SRV)
		if !ok {
			continue
		}
		m := s.members[dns.CanonicalName(srv.Target)]
		if m == nil {
			continue
		}
		if m == s.alias {
			m.offer(srv)
		}
		if o := m.offers[srv.Port]; o != nil && !slices.Contains(o.names, p) {
			o.names = append(o.names, p)
		}
	}
}

// named reports whether the name of any port of the member is known.
func (m *member) named() bool {
	for _, o := range m.offers {
		if len(o.names) > 0 {
			return true
		}
	}
	return false
}

// those returns the members that are ok, in order of their targets.
func (s *set) those(ok func(*member) bool) (members []*member) {
	for _, target := range slices.Sorted(maps.Keys(s.members)) {
		if m := s.members[target]; ok(m) {
			members = append(members, m)
		}
	}
	return members
}
