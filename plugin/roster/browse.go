package roster

import (
	"github.com/miekg/dns"
)

// pointers is a PTR record set.
type pointers struct {
	header dns.RR_Header
	n      int
	// name returns the name that record i points to.
	name func(i int) string
}

func (p *pointers) count() int          { return p.n }
func (p *pointers) record(i int) dns.RR { return &dns.PTR{Hdr: p.header, Ptr: p.name(i)} }

// size: names can be compressed to a label and what the question has.
func (p *pointers) size(int) int { return fixedSize + 2 }

func (p *pointers) appendGlue(glue []dns.RR, _ int) []dns.RR { return glue }

// pointTo returns the PTR records for n names.
func (q *question) pointTo(n int, ttl uint32, name func(i int) string) answer {
	return answer{exists: true, records: &pointers{q.header(q.qname, dns.TypePTR, ttl), n, name}}
}

// pointToInstances points to the instances that have a named port (RFC 6763, 4.1).
func (q *question) pointToInstances(set *portSet) answer {
	if set == nil {
		return answer{exists: true}
	}
	fit := set.named().within(set.targets, q.roomBefore(q.qname), func(t srvTarget) int { return len(t.ID) })
	a := q.pointTo(len(fit), q.ttls.ofSet(q.own.ttl()), func(i int) string { return fit[i].ID + "." + q.qname })
	a.omitted = len(set.targets) - len(fit)
	return a
}

// pointToPorts points to the named ports of a service (RFC 6763, 9).
func (q *question) pointToPorts() answer {
	ports := q.own.namedPorts()
	below := join("."+q.service+"."+q.namespace+".", q.zone.name)
	return q.pointTo(len(ports), q.ttls.ofSet(q.own.ttl()), func(i int) string { return ports[i].labels() + below })
}

// labels returns a named port as the labels of a name.
func (k portKey) labels() string { return "_" + k.name + "._" + k.protocol }

// resolveBrowse answers for the names that DNS-SD starts from, of a namespace or of
// a service that exists.
func (q *question) resolveBrowse() answer {
	switch {
	case q.qtype != dns.TypePTR || q.kind == kindBrowse:
	case q.kind == kindBrowseDomains:
		domain := join(q.namespace+".", q.zone.name)
		return q.pointTo(1, q.ttl, func(int) string { return domain })
	case q.own != nil:
		return q.pointToPorts()
	}
	return answer{exists: true}
}
