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

func (z *zone) header(owner string, rrtype uint16, ttl uint32) dns.RR_Header {
	return dns.RR_Header{Name: owner, Rrtype: rrtype, Class: dns.ClassINET, Ttl: ttl}
}

// soa returns the SOA record. Its TTL is that of negative answers too (RFC
// 2308, 3).
func (z *zone) soa(serial uint32) *dns.SOA {
	return &dns.SOA{
		Hdr:     z.header(z.name, dns.TypeSOA, z.ttl),
		Ns:      z.nameServers[0].name,
		Mbox:    z.contact,
		Serial:  serial,
		Refresh: soaRefresh, Retry: soaRetry, Expire: soaExpire, Minttl: z.ttl,
	}
}

// ns returns the NS record set, and as its glue the addresses of the names in it
// that lie in the zone.
func (z *zone) ns() recordSet {
	var set recordList
	for _, ns := range z.nameServers {
		set.records = append(set.records, &dns.NS{Hdr: z.header(z.name, dns.TypeNS, z.ttl), Ns: ns.name})
		var glue []dns.RR
		for _, t := range [...]uint16{dns.TypeA, dns.TypeAAAA} {
			glue = z.appendAddresses(glue, ns.name, ns.addresses, t, z.ttl)
		}
		set.glued = append(set.glued, glue)
	}
	return set
}

// appendAddresses appends records of those of the addresses, which are distinct,
// that are of the record type.
func (z *zone) appendAddresses(records []dns.RR, owner string, addrs []netip.Addr, rrtype uint16, ttl uint32) []dns.RR {
	for _, a := range addrs {
		if rrtype == addressType(a) {
			records = append(records, address(z.header(owner, rrtype, ttl), a))
		}
	}
	return records
}

// address returns the A or AAAA record of an address of the family of the
// header's type. A record and its address are one allocation: these are most of what
// an answer costs.
func address(h dns.RR_Header, a netip.Addr) dns.RR {
	if h.Rrtype == dns.TypeA {
		r := &struct {
			record dns.A
			octets [4]byte
		}{octets: a.As4()}
		r.record = dns.A{Hdr: h, A: r.octets[:]}
		return &r.record
	}
	r := &struct {
		record dns.AAAA
		octets [16]byte
	}{octets: a.As16()}
	r.record = dns.AAAA{Hdr: h, AAAA: r.octets[:]}
	return &r.record
}
