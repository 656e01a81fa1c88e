package roster

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
)

// resolveService answers for the names of a service that exists.
func (q serviceQuestion) resolveService() answer {
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
		return answer{exists: q.answering.view().hasPorts()}
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
func (q serviceQuestion) resolveSelection(s *selection) answer {
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
func (q serviceQuestion) hasProtocol() bool {
	browsing := q.protocol == catalog.ProtocolUDP && q.selector == nameSelector{}
	return browsing || q.hasPort()
}

// hasPort reports whether an instance has the port of the name. Own instances have
// names below it that those which answer for the service haven't.
func (q serviceQuestion) hasPort() bool {
	key := q.portKey()
	if q.answering.view().hasPort(key) {
		return true
	}
	if q.own == q.answering || q.selector != (nameSelector{}) || key.number != 0 {
		return false
	}
	set := q.own.whole().port(key) // for DNS-SD, in which ports have names
	return set != nil && (key.name != "" || set.hasNames)
}

func (q serviceQuestion) resolvePort() answer {
	if !q.hasPort() {
		return answer{}
	}
	switch q.qtype {
	case dns.TypeSRV:
		return q.srvAt(q.answering, q.portKey())
	case dns.TypePTR:
		// Ports have names in DNS-SD, and no selectors.
		if q.portNumber == 0 && q.selector == (nameSelector{}) {
			return q.pointToInstances(q.own.whole().port(q.portKey()))
		}
	}
	return answer{exists: true}
}

// srvAt answers for the selected instances of a service that have a port.
func (q serviceQuestion) srvAt(sv *servedService, key portKey) answer {
	s, local := q.selected(sv)
	a := answer{exists: true}
	if set := s.srvAt(key); set != nil {
		a = q.srvAnswer(set, sv.service, &q.limit)
	}
	a.local = local
	return a
}

// resolvePortInstance answers for a port of an instance, whatever its status.
func (q serviceQuestion) resolvePortInstance() answer {
	in := q.own.service.Instance(q.instance)
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

// resolvePortService answers for a service among those with a named port.
func (q serviceQuestion) resolvePortService() answer {
	if !q.own.view().hasPort(q.portKey()) {
		return answer{}
	}
	switch q.qtype {
	case dns.TypeSRV:
		return q.srvAt(q.own, q.portKey())
	case dns.TypeTXT:
		return answer{exists: true, records: single(&dns.TXT{Hdr: q.header(q.qname, dns.TypeTXT, q.ttl), Txt: []string{""}})}
	}
	return answer{exists: true}
}

// resolveHTTPS answers for the origins at a port (RFC 9460, 9.1).
func (q serviceQuestion) resolveHTTPS() answer {
	key := portKey{number: q.portNumber}
	if !q.answering.view().hasPort(key) {
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

func (q serviceQuestion) aliasOf(host *catalog.Instance) answer {
	return answer{exists: true, alias: dns.Fqdn(host.Host), aliasTTL: q.ttls.of(host)}
}

func (q serviceQuestion) resolveInstance() answer {
	in := q.own.service.Instance(q.instance)
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
