package roster

import (
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
)

// answer is what the registry has to say to a question, before it is cut to a
// size and written.
type answer struct {
	// exists says that something exists at or below the name; where it doesn't
	// the answer is NXDOMAIN (RFC 8020).
	exists bool
	// records are the answer section; none of them means NODATA where the name
	// exists.
	records []dns.RR
	// glue is the additional section: addresses of targets in the zone.
	glue []dns.RR
	// alias is the host that the name is a CNAME for, or "".
	alias string
	// aliasTTL is the TTL of that CNAME in seconds.
	aliasTTL uint32
}

// question is what was asked, and the state that it is asked of.
type question struct {
	name
	*zone
	gen   *services.Generation
	owner string // the query name as the client spelled it
	qname string // the same in lower case
	qtype uint16
	// turn rotates the records of an answer.
	turn uint32
	// limit is how many records of one section are enough: no message to the
	// client holds more.
	limit int
	// tooLong counts names that would be longer than DNS allows.
	tooLong func(n float64)
	ttls    ttls
	nets    *netFilter
}

// resolve answers a question from the registry and the zone's own data.
func (q *question) resolve() answer {
	if q.qtype == dns.TypeANY {
		return q.resolveAny()
	}
	if at := q.server(q.qname); at != nil && q.kind != kindApex {
		return answer{exists: true, records: q.addresses(q.owner, at.addresses, q.qtype, q.ttl)}
	}
	a := q.resolveKind()
	a.exists = a.exists || q.holds(q.qname)
	return a
}

// resolveAny answers a question for ANY: minimally where the name has records of
// any type (RFC 8482, 4.2 and 4.3), with the CNAME where it is an alias, and
// else as for every type.
func (q *question) resolveAny() answer {
	var a answer
	for _, t := range [...]uint16{dns.TypeSOA, dns.TypeTXT, dns.TypeA, dns.TypeAAAA, dns.TypeSRV} {
		one := *q
		one.qtype, one.limit = t, 1
		a = one.resolve()
		if len(a.records) > 0 {
			return answer{exists: true, records: []dns.RR{q.hinfo(q.ttl)}}
		}
		if !a.exists {
			break
		}
	}
	return a
}

// hinfo returns the one record that a question for ANY gets (RFC 8482, 4.2). Its
// TTL in seconds is of the server's choice.
func (q *question) hinfo(ttl uint32) dns.RR {
	return &dns.HINFO{Hdr: q.header(q.owner, dns.TypeHINFO, ttl), Cpu: "RFC8482"}
}

func (q *question) resolveKind() answer {
	switch q.kind {
	case kindApex:
		return q.resolveApex()
	case kindNamespace:
		return answer{exists: q.gen.HasNamespace(q.namespace)}
	case kindService, kindInstance, kindProtocol, kindPort:
		if s := q.nets.of(q.gen.Service(q.namespace, q.service)); s != nil {
			return q.resolveService(s)
		}
	}
	return answer{}
}

func (q *question) resolveApex() answer {
	a := answer{exists: true}
	switch q.qtype {
	case dns.TypeSOA:
		a.records = []dns.RR{q.soa(q.gen.Serial())}
	case dns.TypeNS:
		a.records, a.glue = q.ns()
	case dns.TypeA, dns.TypeAAAA:
		if at := q.server(q.qname); at != nil {
			a.records = q.addresses(q.owner, at.addresses, q.qtype, q.ttl)
		}
	}
	return a
}

func (q *question) resolveService(s *services.Service) answer {
	switch q.kind {
	case kindInstance:
		if in := s.Instance(q.instance); in != nil {
			return q.resolveInstance(in)
		}
		return answer{}
	case kindProtocol, kindPort:
		set, exists := selectionOf(s).ports()[q.portKey()]
		a := answer{exists: exists}
		if q.qtype == dns.TypeSRV {
			a.records, a.glue = q.srv(set)
		}
		return a
	}
	a := answer{exists: true}
	sel := selectionOf(s)
	if sel.sole != nil && sel.sole.Host != "" {
		a.alias, a.aliasTTL = dns.Fqdn(sel.sole.Host), q.ttls.of(sel.sole)
		return a
	}
	switch q.qtype {
	case dns.TypeA, dns.TypeAAAA:
		a.records = q.addressRecords(sel.addresses.of(q.qtype))
	case dns.TypeSRV:
		a.records, a.glue = q.srv(sel.ports()[portKey{}])
	}
	return a
}

func (q *question) resolveInstance(in *catalog.Instance) answer {
	a := answer{exists: true}
	if in.Host != "" {
		a.alias, a.aliasTTL = dns.Fqdn(in.Host), q.ttls.of(in)
		return a
	}
	switch q.qtype {
	case dns.TypeA, dns.TypeAAAA:
		own := newFamilies([]*catalog.Instance{in})
		a.records = q.addressRecords(own.of(q.qtype))
	case dns.TypeSRV:
		var own offers
		for i := range in.Ports {
			own.add(in, &in.Ports[i])
		}
		own.ttl.add(in)
		a.records, a.glue = q.srv(&own)
	case dns.TypeTXT:
		a.records = []dns.RR{q.txt(in)}
	}
	return a
}
