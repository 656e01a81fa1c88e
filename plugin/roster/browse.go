package roster

import (
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
)

// pointToInstances points to the instances that have a named port (RFC 6763, 4.1).
func (q serviceQuestion) pointToInstances(set *portSet) answer {
	if set == nil {
		return answer{exists: true}
	}
	fit := set.named().within(set.targets, q.roomBefore(q.qname), func(t srvTarget) int { return len(t.ID) })
	a := q.pointBelow(len(fit), q.ttls.ofSet(q.own.view().ttl()), func(i int) string { return fit[i].ID })
	a.omitted = len(set.targets) - len(fit)
	return a
}

// pointToNamedPorts points to the named ports of a service (RFC 6763, 9).
func (q serviceQuestion) pointToNamedPorts() answer {
	ports := q.own.view().namedPorts()
	domain := join(q.service+"."+q.namespace+".", q.zone.name)
	return q.pointToPorts(len(ports), q.ttls.ofSet(q.own.view().ttl()), func(i int) portKey { return ports[i] }, domain)
}

// resolveBrowse answers for the names that DNS-SD starts from, of a namespace or of
// a service that exists.
func (q *question) resolveBrowse() answer {
	domain := join(q.namespace+".", q.zone.name)
	switch {
	case q.qtype != dns.TypePTR || q.kind == kindBrowse:
		return answer{exists: true}
	case q.kind == kindBrowseDomains:
		return q.pointToNames([]string{domain}, q.ttl)
	case q.own != nil:
		return serviceQuestion{q}.pointToNamedPorts()
	}
	ports := q.gen.PortList(q.namespace)
	return q.pointToPorts(ports.Len(), q.ttl, func(i int) portKey { return nameKey(ports.At(i)) }, domain)
}

// resolveNamespace answers for the names of a namespace that exists which are about
// no single service.
func (q *question) resolveNamespace() answer {
	switch q.kind {
	case kindNamespace:
		return answer{exists: true}
	case kindNamespaceProtocol:
		return answer{exists: q.protocol == catalog.ProtocolUDP || q.gen.HasProtocol(q.namespace, q.protocol)}
	case kindNamespacePort:
		return q.pointToServices()
	}
	return q.resolveBrowse()
}

// pointToServices points to the services with a named port (RFC 6763, 4.1).
func (q *question) pointToServices() answer {
	port := catalog.PortName{Name: q.port, Protocol: q.protocol}
	all := q.gen.PortServices(q.namespace, port, catalog.MaxLabel)
	switch {
	case all.Len() == 0:
		return answer{}
	case q.qtype != dns.TypePTR:
		return answer{exists: true}
	}
	names := all
	if room := q.roomBefore(q.qname); room < catalog.MaxLabel {
		names = q.gen.PortServices(q.namespace, port, max(room, 0))
	}
	a := q.pointBelow(names.Len(), q.ttl, names.At)
	a.omitted = all.Len() - names.Len()
	return a
}
