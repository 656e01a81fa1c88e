package roster

import (
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
)

// answer is what the registry and the zone have to say to a question, whoever
// asks it: names are in lower case, records in the order of the registry, and
// all of them.
type answer struct {
	// exists says that something exists at or below the name; where it doesn't
	// the answer is NXDOMAIN (RFC 8020).
	exists bool
	// records are the answer section; none of them means NODATA where the name
	// exists.
	records recordSet
	// omitted is how many records are left out since names in them would be too
	// long for DNS.
	omitted int
	// alias is the host that the name is a CNAME for, or "".
	alias string
	// aliasTTL is the TTL of that CNAME in seconds.
	aliasTTL uint32
	// links are the CNAMEs that lead from the name that was asked for to that of the
	// records, each of one name.
	links []dns.RR
	// stale says that etcd is away, so that all this may have changed.
	stale bool
}

// count returns how many records the answer has besides that of an alias.
func (a *answer) count() int {
	if a.records == nil {
		return 0
	}
	return a.records.count()
}

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

// resolveAny answers a question for ANY: minimally where the name has records of
// any type (RFC 8482, 4.2 and 4.3), with the CNAME where it is an alias, and
// else as for every type.
func (q *question) resolveAny() answer {
	var a answer
	for _, t := range [...]uint16{dns.TypeSOA, dns.TypeTXT, dns.TypeA, dns.TypeAAAA, dns.TypeSRV} {
		one := *q
		one.qtype = t
		a = one.resolve()
		if a.count() > 0 {
			return answer{exists: true, records: q.hinfo(q.ttl)}
		}
		if !a.exists {
			break
		}
	}
	return a
}

func (q *question) resolveKind() answer {
	switch q.kind {
	case kindApex:
		return q.resolveApex()
	case kindNamespace:
		return answer{exists: q.gen.HasNamespace(q.namespace)}
	case kindService, kindInstance, kindProtocol, kindPort:
		if q.selection != nil {
			return q.resolveService()
		}
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
	}
	return a
}

// ownAddresses returns the addresses of the name server that is asked for.
func (q *question) ownAddresses(at *nameServer) recordSet {
	return listed{records: q.appendAddresses(nil, q.qname, at.addresses, q.qtype, q.ttl)}
}

func (q *question) resolveService() answer {
	switch q.kind {
	case kindInstance:
		if in := q.selection.instance(q.instance); in != nil {
			return q.resolveInstance(in)
		}
		return answer{}
	case kindProtocol, kindPort:
		set, exists := q.selection.srvSet(q.portKey())
		a := answer{exists: exists}
		if exists && q.qtype == dns.TypeSRV {
			a.records, a.omitted = q.srvRecords(set)
		}
		return a
	}
	if host := q.selection.soleHost(); host != nil {
		return q.aliasOf(host)
	}
	a := answer{exists: true}
	switch q.qtype {
	case dns.TypeA, dns.TypeAAAA:
		a.records = q.addressRecords(q.selection.addressSet(q.qtype))
	case dns.TypeSRV:
		set, _ := q.selection.srvSet(portKey{})
		a.records, a.omitted = q.srvRecords(set)
	}
	return a
}

func (q *question) aliasOf(host *catalog.Instance) answer {
	return answer{exists: true, alias: dns.Fqdn(host.Host), aliasTTL: q.ttls.of(host)}
}

func (q *question) resolveInstance(in *catalog.Instance) answer {
	if in.Host != "" {
		return q.aliasOf(in)
	}
	a := answer{exists: true}
	switch q.qtype {
	case dns.TypeA, dns.TypeAAAA:
		own := newAddressSets([]*catalog.Instance{in})
		a.records = q.addressRecords(own.of(q.qtype))
	case dns.TypeSRV:
		set := newSRVSet([]*catalog.Instance{in})
		a.records, a.omitted = q.srvRecords(set)
	case dns.TypeTXT:
		a.records = single(q.txt(in))
	}
	return a
}
