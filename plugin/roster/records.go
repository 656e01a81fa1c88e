package roster

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
)

// addressRecords is an A or AAAA record set.
type addressRecords struct {
	header    dns.RR_Header
	addresses []*netip.Addr
	large     *shardList[addressOf] // in place of addresses, or nil
}

func (a *addressRecords) count() int {
	if a.large != nil {
		return a.large.len()
	}
	return len(a.addresses)
}

func (a *addressRecords) record(i int) dns.RR {
	if a.large != nil {
		return address(a.header, *a.large.at(i).addr)
	}
	return address(a.header, *a.addresses[i])
}

func (a *addressRecords) size(int) int                                       { return addressSize(a.header.Rrtype) }
func (a *addressRecords) exact() bool                                        { return true }
func (a *addressRecords) appendGlue(glue []dns.RR, _ int, _ string) []dns.RR { return glue }

func (q serviceQuestion) addressAnswer(set *addressSet, l *limit) answer {
	records := &addressRecords{q.header(q.qname, q.qtype, q.ttls.ofSet(set.ttl)), set.addresses, set.large}
	a := answer{exists: true, records: records}
	switch _, some := l.picks(set.len()); {
	case !some:
	case set.large == nil:
		records.addresses, _, a.ordered = pick(l, set.addresses, set.candidate, &set.pickers)
	default:
		picked, _ := set.large.picked(l)
		a.ordered, records.large, records.addresses = true, nil, make([]*netip.Addr, len(picked))
		for i, p := range picked {
			records.addresses[i] = p.addr
		}
	}
	return a
}

// srvRecords is an SRV record set.
type srvRecords struct {
	zone    *zone
	header  dns.RR_Header
	targets srvList
	// whole is how many of them have their own weights: those of a sample have
	// been picked by weight already.
	whole int
	origin
}

// srvAnswer returns the record set of targets, which are of the service s.
func (q serviceQuestion) srvAnswer(set *srvSet, s *services.Service, l *limit) answer {
	fit := set.within(q.roomBefore(q.below(s)))
	targets, whole, ordered := fit.pick(l, &set.pickers)
	records := &srvRecords{q.zone, q.header(q.qname, dns.TypeSRV, q.ttls.ofSet(set.ttl)), targets, whole, q.origin(s)}
	return answer{exists: true, records: records, ordered: ordered, omitted: set.len() - fit.len()}
}

func (s *srvRecords) count() int { return s.targets.len() }

func (s *srvRecords) record(i int) dns.RR {
	t := s.targets.at(i)
	weight := t.Weight
	if i >= s.whole {
		weight = catalog.DefaultWeight
	}
	return &dns.SRV{Hdr: s.header, Priority: t.Priority, Weight: weight, Port: t.port.Port, Target: targetName(t.Instance, s.below)}
}

func (s *srvRecords) size(i int) int {
	return srvSize + s.zone.targetSize(s.targets.at(i).Instance, s.below)
}

func (s *srvRecords) exact() bool { return true }

func (s *srvRecords) appendGlue(glue []dns.RR, i int, target string) []dns.RR {
	return s.zone.appendTarget(glue, target, s.targets.at(i).Instance, s.origin.ttls)
}

// origin is what records have in common whose targets are a service's.
type origin struct {
	below string // what follows the label of a target that is no host
	ttls  ttls   // of its addresses
}

func (q serviceQuestion) origin(s *services.Service) origin {
	return origin{"." + q.below(s), q.block.ttls.under(s.Policy())}
}

// targetName returns the name that an instance's addresses are at: its host, or else
// its own.
func targetName(in *catalog.Instance, below string) string {
	if in.Host != "" {
		return dns.Fqdn(in.Host)
	}
	return in.ID + below
}

// targetSize returns the octets that the name takes where it is not compressed.
func (z *zone) targetSize(in *catalog.Instance, below string) int {
	if in.Host != "" {
		return len(in.Host) + 2 // a length before each label, and the root
	}
	return maxName - z.roomBefore(below[1:]) + len(in.ID)
}

// appendTarget appends the addresses of an instance that is a target.
func (z *zone) appendTarget(glue []dns.RR, target string, in *catalog.Instance, ttls ttls) []dns.RR {
	if len(in.Addresses) == 0 {
		return glue
	}
	addrs, ttl := distinct(in.Addresses), ttls.of(in)
	for _, rrtype := range [...]uint16{dns.TypeA, dns.TypeAAAA} {
		glue = z.appendAddresses(glue, target, addrs, rrtype, ttl)
	}
	return glue
}

// txt returns the metadata of an instance as one record of sorted key=value
// strings; without metadata as one empty string (RFC 6763, 6.1).
func (q serviceQuestion) txt(in *catalog.Instance) dns.RR {
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
