package roster

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/services"
	"github.com/rosterdns/roster/plugin/roster/internal/wire"
)

// maxName is the length of a name on the wire in octets (RFC 1035, 2.3.4).
const maxName = 255

// nameServer is a name of the zone's NS record set.
type nameServer struct {
	name string
	// addresses are what the server itself answers for the name, each once;
	// none where the name lies outside the zone.
	addresses []netip.Addr
}

// zone is what is known of a zone before any service is.
type zone struct {
	name        string // in lower case, fully qualified
	ttl         uint32
	nameServers []nameServer
	contact     string // the mailbox of whoever runs the zone, as a name
	// negative makes answers that there are no records, with the SOA record.
	negative wire.Negative
	// forward is the zone whose names a zone of addresses points to; nil for one of
	// services.
	forward *zone
	// room is how many octets the labels before the zone can have in a name.
	room int
	// fixed are names in the zone that exist whatever the registry holds: those
	// of name servers and of zones within this one.
	fixed []string
	// inner are the zones within this one.
	inner []string
}

const (
	// defaultNS is the name of the server in a zone that states none, below
	// the zone. Its last label is no namespace.
	defaultNS = "ns.dns."
	// mailbox is the mailbox of whoever runs the zone (RFC 2142, 7), below it.
	mailbox = "hostmaster."
)

// newZone returns a zone with the name servers as configured, or else with one
// of the default name; those in the zone that state no addresses have the
// server's own. others are zones of this server, of which some can be within.
func newZone(zoneName string, ttl uint32, configured []nameServer, own []netip.Addr, others []string) (*zone, error) {
	room, err := roomBelow(zoneName)
	if err != nil {
		return nil, err
	}
	z := &zone{name: zoneName, ttl: ttl, room: room, contact: join(mailbox, zoneName)}
	if len(configured) == 0 {
		configured = []nameServer{{name: join(defaultNS, zoneName)}}
	}
	for _, ns := range configured {
		switch {
		case !dns.IsSubDomain(zoneName, ns.name):
			ns.addresses = nil
		case len(ns.addresses) == 0:
			ns.addresses = distinct(own)
			fallthrough
		default:
			z.fixed = append(z.fixed, ns.name)
		}
		z.nameServers = append(z.nameServers, ns)
	}
	z.addInner(others)
	z.negative = wire.NewNegative(zoneName, z.ttl, dataOf(z.soa(0)))
	return z, nil
}

// addInner adds those of the zones that lie within.
func (z *zone) addInner(zones []string) {
	for _, o := range zones {
		if o != z.name && dns.IsSubDomain(z.name, o) && !slices.Contains(z.inner, o) {
			z.inner = append(z.inner, o)
		}
	}
	z.fixed = append(z.fixed, z.inner...)
}

// parse parses a query name in lower case that is at or below the zone.
func (z *zone) parse(qname string) name {
	n := parseName(qname, z.name)
	switch {
	case z.forward == nil || n.kind == kindStatus:
		return n
	case n.kind == kindApex: // which is an address in the zone of a network of one
		n.prefix = parseReverse(qname).prefix
		return n
	}
	return parseReverse(qname)
}

// roomBelow returns how many octets the labels before a zone can have. The names
// that every zone has must fit.
func roomBelow(zoneName string) (int, error) {
	n, err := dns.PackDomainName(zoneName, make([]byte, maxName+1), 0, nil, false)
	if err != nil {
		return 0, fmt.Errorf("zone %q is not a domain name: %w", zoneName, err)
	}
	if n+len(mailbox) > maxName {
		return 0, fmt.Errorf("zone %q is so long that names in it would have more than %d octets", zoneName, maxName)
	}
	return maxName - n, nil
}

// join puts a relative name, which ends in a dot, before a zone.
func join(relative, zoneName string) string {
	if zoneName == "." {
		return relative
	}
	return relative + zoneName
}

// server returns the name server whose name is qname, or nil.
func (z *zone) server(qname string) *nameServer {
	for i := range z.nameServers {
		if z.nameServers[i].name == qname {
			return &z.nameServers[i]
		}
	}
	return nil
}

// holds reports whether one of the zone's fixed names is at or below qname.
func (z *zone) holds(qname string) bool {
	return slices.ContainsFunc(z.fixed, func(name string) bool { return dns.IsSubDomain(qname, name) })
}

// delegates reports whether qname is at or below one of the zones within this
// one. CoreDNS brings only questions for DS here then.
func (z *zone) delegates(qname string) bool {
	return slices.ContainsFunc(z.inner, func(name string) bool { return dns.IsSubDomain(name, qname) })
}

// newReverseZone returns a zone of addresses, whose name servers are those of the
// first zone of services. others are zones of this server.
func newReverseZone(zoneName string, forward *zone, others []string) *zone {
	z := &zone{name: zoneName, ttl: forward.ttl, contact: forward.contact, forward: forward}
	for _, ns := range forward.nameServers {
		z.nameServers = append(z.nameServers, nameServer{name: ns.name})
	}
	z.addInner(others)
	return z
}

// below returns the name that those of the instances of a service are below.
func (z *zone) below(s *services.Service) string { return join(s.Name+"."+s.Namespace+".", z.name) }

// roomBefore returns how many octets a label can have before a name in the zone.
func (z *zone) roomBefore(name string) int {
	relative := len(name)
	if z.name != "." {
		relative -= len(z.name)
	}
	// Each dot takes the octet of a label's length.
	return z.room - relative - 1
}
