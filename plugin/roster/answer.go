package roster

import (
	"slices"

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
	// ordered says that those records that don't fit are to be left out from the
	// end: which ones is decided already.
	ordered bool
	// local says that the locality of clients plays a part in the answer.
	local bool
	// omitted is how many records are left out since names in them would be too
	// long for DNS.
	omitted int
	// alias is the host that the name is a CNAME for, or "".
	alias string
	// aliasTTL is the TTL of that CNAME in seconds.
	aliasTTL uint32
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
	case q.service == "" && q.hasNamespace():
		return q.resolveNamespace()
	case q.own != nil:
		return q.resolveService()
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
	return recordList{records: q.appendAddresses(nil, q.qname, at.addresses, q.qtype, q.ttl)}
}

// resolveService answers for the names of a service that exists.
func (q *question) resolveService() answer {
	switch q.kind {
	case kindInstance:
		return q.resolveInstance()
	case kindProtocol:
		return answer{exists: q.hasProtocol()}
	case kindPort:
		return q.resolvePort()
	case kindPortService:
		return q.resolvePortService()
	case kindPortInstance:
		return q.resolvePortInstance()
	case kindHTTPSParent:
		return answer{exists: q.answering.hasPorts()}
	case kindHTTPS:
		return q.resolveHTTPS()
	case kindBrowse, kindPortTypes:
		return q.resolveBrowse()
	case kindService, kindSelection:
		s, local := q.selected(q.answering)
		a := q.resolveSelection(s)
		a.local = local
		return a
	}
	return answer{exists: true} // the labels that a selector begins with
}

// resolveSelection answers for a service, or those of its instances that a selector
// selects.
func (q *question) resolveSelection(s *selection) answer {
	if host := s.soleHost(); host != nil {
		return q.aliasOf(host)
	}
	switch q.qtype {
	case dns.TypeA, dns.TypeAAAA:
		return q.addressAnswer(s.addressSet(q.qtype), &q.limit)
	case dns.TypeSRV:
		return q.srvAnswer(s.srvSet(), q.answering.service, &q.limit)
	case dns.TypeSVCB, dns.TypeHTTPS:
		return q.svcbAnswer(s.svcbSet(), q.answering.service, &q.limit)
	}
	return answer{exists: true}
}

// hasProtocol reports whether there is a name below that of a protocol: of a port, or
// those that DNS-SD starts from.
func (q *question) hasProtocol() bool {
	browsing := q.protocol == catalog.ProtocolUDP && q.selector == nameSelector{}
	return browsing || q.hasPort()
}

// hasPort reports whether an instance has the port of the name. Own instances have
// names below it that those which answer for the service haven't.
func (q *question) hasPort() bool {
	key := q.portKey()
	if q.answering.hasPort(key) {
		return true
	}
	return q.own != q.answering && q.selector == nameSelector{} && key.number == 0 && q.own.hasPort(key)
}

func (q *question) resolvePort() answer {
	if !q.hasPort() {
		return answer{}
	}
	switch q.qtype {
	case dns.TypeSRV:
		return q.srvAt(q.answering, q.portKey())
	case dns.TypePTR:
		// Ports have names in DNS-SD, and no selectors.
		if q.portNumber == 0 && q.selector == (nameSelector{}) {
			return q.pointToInstances(q.own.whole.port(q.portKey()))
		}
	}
	return answer{exists: true}
}

// srvAt answers for the selected instances of a service that have a port.
func (q *question) srvAt(sv *servedService, key portKey) answer {
	s, local := q.selected(sv)
	a := answer{exists: true}
	if set := s.port(key); set != nil {
		a = q.srvAnswer(set.srvSet(), sv.service, &q.limit)
	}
	a.local = local
	return a
}

// resolvePortInstance answers for a port of an instance, whatever its status.
func (q *question) resolvePortInstance() answer {
	in := q.own.instance(q.instance)
	if in == nil {
		return answer{}
	}
	i := slices.IndexFunc(in.Ports, func(p catalog.Port) bool { return byName.key(&p) == q.portKey() })
	if i < 0 {
		return answer{}
	}
	switch q.qtype {
	case dns.TypeSRV:
		return q.srvAnswer(newSRVSet([]srvTarget{{in, &in.Ports[i]}}), q.own.service, &unlimited)
	case dns.TypeTXT:
		return answer{exists: true, records: single(q.txt(in))}
	}
	return answer{exists: true}
}

// resolveHTTPS answers for the origins at a port (RFC 9460, 9.1).
func (q *question) resolveHTTPS() answer {
	key := portKey{number: q.portNumber}
	if !q.answering.hasPort(key) {
		return answer{}
	}
	a := answer{exists: true}
	if q.qtype == dns.TypeHTTPS {
		s, local := q.selected(q.answering)
		if set := s.port(key); set != nil {
			a = q.svcbAnswer(set.svcbSet(), q.answering.service, &q.limit)
		}
		a.local = local
	}
	return a
}

func (q *question) aliasOf(host *catalog.Instance) answer {
	return answer{exists: true, alias: dns.Fqdn(host.Host), aliasTTL: q.ttls.of(host)}
}

func (q *question) resolveInstance() answer {
	in := q.own.instance(q.instance)
	switch {
	case in == nil:
		return answer{}
	case in.Host != "":
		return q.aliasOf(in)
	}
	alone := []*catalog.Instance{in}
	switch q.qtype {
	case dns.TypeA, dns.TypeAAAA:
		own := newAddressSets(alone)
		return q.addressAnswer(own.of(q.qtype), &unlimited)
	case dns.TypeSRV:
		return q.srvAnswer(newSRVSet(allPorts(alone)), q.own.service, &unlimited)
	case dns.TypeSVCB, dns.TypeHTTPS:
		return q.svcbAnswer(newSVCBSet(alone), q.own.service, &unlimited)
	case dns.TypeTXT:
		return answer{exists: true, records: single(q.txt(in))}
	}
	return answer{exists: true}
}
