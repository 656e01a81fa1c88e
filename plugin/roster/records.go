package roster

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
)

// addressRecords is an A or AAAA record set.
type addressRecords struct {
	header    dns.RR_Header
	addresses []*netip.Addr
}

func (a *addressRecords) count() int          { return len(a.addresses) }
func (a *addressRecords) record(i int) dns.RR { return address(a.header, *a.addresses[i]) }
func (a *addressRecords) size(int) int        { return addressSize(a.header.Rrtype) }

func (a *addressRecords) appendGlue(glue []dns.RR, _ int) []dns.RR { return glue }

func (q *question) addressRecords(set *addressSet) recordSet {
	return &addressRecords{q.header(q.qname, q.qtype, q.ttls.ofSet(set.ttl)), set.addresses}
}

// srvRecords is an SRV record set.
type srvRecords struct {
	*question
	header  dns.RR_Header
	targets []srvTarget
	// below is what follows the label of a target that is no host.
	below string
}

// srvRecords returns the record set of targets, and how many are left out since
// their names would be too long for DNS.
func (q *question) srvRecords(set *srvSet) (records recordSet, omitted int) {
	below := "." + q.service + "." + q.namespace + "."
	// Each dot takes the octet of a label's length.
	targets := set.within(q.room - len(below))
	h := q.header(q.qname, dns.TypeSRV, q.ttls.ofSet(set.ttl))
	return &srvRecords{q, h, targets, join(below, q.zone.name)}, len(set.targets) - len(targets)
}

func (s *srvRecords) count() int { return len(s.targets) }

func (s *srvRecords) record(i int) dns.RR {
	t := &s.targets[i]
	return &dns.SRV{Hdr: s.header, Priority: t.Priority, Weight: t.Weight, Port: t.port.Port, Target: s.target(t)}
}

func (s *srvRecords) size(i int) int {
	t := &s.targets[i]
	if t.Host != "" {
		return srvSize + len(t.Host) + 2 // a length before each label, and the root
	}
	return srvSize + 1 + len(t.ID) + maxName - s.room + len(s.service) + len(s.namespace) + 2
}

func (s *srvRecords) appendGlue(glue []dns.RR, i int) []dns.RR {
	t := &s.targets[i]
	if len(t.Addresses) == 0 {
		return glue
	}
	addrs, ttl, name := distinct(t.Addresses), s.ttls.of(t.Instance), s.target(t)
	for _, rrtype := range [...]uint16{dns.TypeA, dns.TypeAAAA} {
		glue = s.appendAddresses(glue, name, addrs, rrtype, ttl)
	}
	return glue
}

func (s *srvRecords) target(t *srvTarget) string {
	if t.Host != "" {
		return dns.Fqdn(t.Host)
	}
	return t.ID + s.below
}

// txt returns the metadata of an instance as one record of sorted key=value
// strings; without metadata as one empty string (RFC 6763, 6.1).
func (q *question) txt(in *catalog.Instance) dns.RR {
	pairs := make([]string, 0, len(in.Metadata)+1)
	for k, v := range in.Metadata {
		pairs = append(pairs, k+"="+v)
	}
	slices.Sort(pairs)
	if len(pairs) == 0 {
		pairs = append(pairs, "")
	}
	for i := range pairs {
		// Strings of dns.TXT are in presentation form, where '\' escapes.
		pairs[i] = strings.ReplaceAll(pairs[i], `\`, `\\`)
	}
	return &dns.TXT{Hdr: q.header(q.qname, dns.TypeTXT, q.ttls.of(in)), Txt: pairs}
}

// hinfo returns the one record that a question for ANY gets (RFC 8482, 4.2). Its
// TTL in seconds is of the server's choice.
func (q *question) hinfo(ttl uint32) recordSet {
	return single(&dns.HINFO{Hdr: q.header(q.qname, dns.TypeHINFO, ttl), Cpu: "RFC8482"})
}
