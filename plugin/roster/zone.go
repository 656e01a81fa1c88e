package roster

import (
	"net/netip"

	"github.com/miekg/dns"
)

// Timing of a zone for its secondaries (RFC 1035, 3.3.13), in seconds. Roster's
// zones change all the time and are never edited by hand, so that only refresh
// and expire matter, to whoever transfers them.
const (
	soaRefresh = 7200
	soaRetry   = 1800
	soaExpire  = 86400
)

// nameServer is a name of the zone's NS record set.
type nameServer struct {
	name string
	// addresses are what the server itself answers for the name; none where
	// the name lies outside the zone.
	addresses []netip.Addr
}

// zone is a forward zone: what is known of it before any service is.
type zone struct {
	name        string // in lower case, fully qualified
	ttl         uint32
	nameServers []nameServer
}

// defaultNS is the name of the server in a zone that states none, below the
// zone. Its first label below the zone is no namespace.
const defaultNS = "ns.dns."

// newZone returns a zone with the name servers as configured, or else with one
// of the default name at the server's own addresses.
func newZone(zoneName string, ttl uint32, configured []nameServer, own []netip.Addr) *zone {
	z := &zone{name: zoneName, ttl: ttl}
	if len(configured) == 0 {
		configured = []nameServer{{name: join(defaultNS, zoneName)}}
	}
	for _, ns := range configured {
		if !dns.IsSubDomain(zoneName, ns.name) {
			ns.addresses = nil
		} else if len(ns.addresses) == 0 {
			ns.addresses = own
		}
		z.nameServers = append(z.nameServers, ns)
	}
	return z
}

// join puts a relative name, which ends in a dot, before a zone.
func join(relative, zoneName string) string {
	if zoneName == "." {
		return relative
	}
	return relative + zoneName
}

func (z *zone) header(owner string, rrtype uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: owner, Rrtype: rrtype, Class: dns.ClassINET, Ttl: ttl}
}

// soa returns the SOA record. Its TTL is that of negative answers too (RFC
// 2308, 3).
func (z *zone) soa(serial uint32) *dns.SOA {
	return &dns.SOA{
		Hdr:     z.header(z.name, dns.TypeSOA, z.ttl),
		Ns:      z.nameServers[0].name,
		Mbox:    join("hostmaster.", z.name),
		Serial:  serial,
		Refresh: soaRefresh, Retry: soaRetry, Expire: soaExpire, Minttl: z.ttl,
	}
}

// ns returns the NS record set and the addresses of the names in it that lie in
// the zone.
func (z *zone) ns() (set, glue []dns.RR) {
	for _, ns := range z.nameServers {
		set = append(set, &dns.NS{Hdr: z.header(z.name, dns.TypeNS, z.ttl), Ns: ns.name})
		for _, t := range []uint16{dns.TypeA, dns.TypeAAAA} {
			glue = append(glue, z.addresses(ns.name, ns.addresses, t, z.ttl)...)
		}
	}
	return set, glue
}

// server returns the name server whose name is qname, or nil, and whether one
// exists at or below qname.
func (z *zone) server(qname string) (at *nameServer, exists bool) {
	for i := range z.nameServers {
		ns := &z.nameServers[i]
		if ns.name == qname && len(ns.addresses) > 0 {
			return ns, true
		}
		exists = exists || (len(ns.addresses) > 0 && dns.IsSubDomain(qname, ns.name))
	}
	return nil, exists
}

// addresses returns those of the addresses that are of the record type, each
// once.
func (z *zone) addresses(owner string, addrs []netip.Addr, rrtype uint16, ttl uint32) []dns.RR {
	out := make([]dns.RR, 0, len(addrs))
	for _, a := range addrs {
		if rr := address(z.header(owner, rrtype, ttl), a); rr != nil {
			out = append(out, rr)
		}
	}
	return out
}

// address returns the A or AAAA record of an address, or nil where the header
// is of the other family's type.
func address(h dns.RR_Header, a netip.Addr) dns.RR {
	switch {
	case h.Rrtype == dns.TypeA && a.Is4():
		return &dns.A{Hdr: h, A: a.AsSlice()}
	case h.Rrtype == dns.TypeAAAA && a.Is6():
		return &dns.AAAA{Hdr: h, AAAA: a.AsSlice()}
	}
	return nil
}
