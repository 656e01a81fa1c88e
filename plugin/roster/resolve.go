package roster

import (
	"github.com/miekg/dns"
)

// resolve answers a question from the registry and the zone's own data.
func (q *question) resolve() answer {
	if q.qtype == dns.TypeANY {
		return q.resolveAny()
	}
	if at := q.server(q.qname); at != nil && q.kind != kindApex {
		return answer{exists: true, records: q.ownAddresses(at)}
	}
	a := q.resolveKind()
	a.exists = a.exists || q.holds(q.qname)
	return a
}

// anyTypes are the types that a name can have records of, besides CNAME: those first
// that most names have.
var anyTypes = [...]uint16{
	dns.TypeA, dns.TypeAAAA, dns.TypeSRV, dns.TypePTR, dns.TypeTXT, dns.TypeSVCB, dns.TypeHTTPS, dns.TypeSOA, dns.TypeNS,
}

// resolveAny answers a question for ANY: minimally where the name has records of
// any type (RFC 8482, 4.2 and 4.3), with the CNAME where it is an alias, and
// else as for every type.
func (q *question) resolveAny() answer {
	var a answer
	one := *q
	for _, t := range anyTypes {
		one.qtype = t
		a = one.resolve()
		if a.count() > 0 {
			return answer{exists: true, records: q.hinfo(q.ttl)}
		}
		if !a.exists || a.alias != "" {
			break
		}
	}
	a.records = nil
	return a
}

// resolveKind answers by the kind of the name. What is below a service or a
// namespace that doesn't exist doesn't either.
func (q *question) resolveKind() answer {
	switch q.kind {
	case kindNone, kindStatus:
		return answer{}
	case kindApex:
		return q.resolveApex()
	case kindReverse:
		return q.resolveReverse()
	}
	switch {
	case q.service == "" && q.gen.HasNamespace(q.namespace):
		return q.resolveNamespace()
	case q.own != nil:
		return serviceQuestion{q}.resolveService()
	}
	return answer{}
}

func (q *question) resolveApex() answer {
	a := answer{exists: true}
	switch q.qtype {
	case dns.TypeSOA:
		a.records = single(q.soa(q.gen.Serial()))
	case dns.TypeNS:
		a.records = q.ns()
	case dns.TypeA, dns.TypeAAAA:
		if at := q.server(q.qname); at != nil {
			a.records = q.ownAddresses(at)
		}
	case dns.TypePTR:
		if q.prefix != nil && q.prefix.IsSingleIP() {
			a = q.resolveReverse()
			a.exists = true
		}
	}
	return a
}

// ownAddresses returns the addresses of the name server that is asked for.
func (q *question) ownAddresses(at *nameServer) recordSet {
	return recordList{records: q.appendAddresses(nil, q.qname, at.addresses, q.qtype, q.ttl)}
}
