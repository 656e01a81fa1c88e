package roster

import (
	"net/netip"
	"slices"
	"strconv"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
)

// apex returns the names of the zone itself.
func (z *zone) apex() []string {
	names := []string{z.name}
	for i := range z.nameServers {
		if ns := &z.nameServers[i]; len(ns.addresses) > 0 && ns.name != z.name {
			names = append(names, ns.name)
		}
	}
	return names
}

// browseDomains are the names at which DNS-SD finds the domain to browse (RFC 6763, 11).
var browseDomains = [...]string{"b", "db", "lb"}

// namespaceNames returns the names with records of a namespace as a whole.
func (z *zone) namespaceNames(namespace string) []string {
	names := []string{z.browseName("_services", namespace)}
	for _, label := range browseDomains {
		names = append(names, z.browseName(label, namespace))
	}
	return names
}

// browseName returns one of the names that DNS-SD starts from.
func (z *zone) browseName(label, namespace string) string {
	return join(label+"._dns-sd._udp."+namespace+".", z.name)
}

// transferNames are the names with records of a service: those by which a transfer asks.
type transferNames struct {
	zone           *zone
	own, answering *servedService
}

func namesOf(q *question) transferNames { return transferNames{q.zone, q.own, q.answering} }

// ofService returns those of the service as a whole.
func (n transferNames) ofService() []string {
	s := n.own.service
	below := n.zone.below(s)
	names := []string{below, "_services._dns-sd._udp." + below}
	for _, key := range n.ports() {
		names = append(names, key.transferred()+"."+below)
	}
	for _, port := range n.own.view().namedPorts() {
		names = append(names, s.Name+"."+join(port.labels()+"."+s.Namespace+".", n.zone.name))
	}
	return n.withoutServers(names)
}

// ports returns the ports of the service by which it is asked, in order.
func (n transferNames) ports() []portKey {
	var keys []portKey
	add := func(sv *servedService, by portKeying) {
		for key := range sv.whole().portsBy(by) {
			if key.name != "" || key.number != 0 {
				keys = append(keys, key)
			}
		}
	}
	add(n.own, byName)
	for by := range portKeyings {
		add(n.answering, by)
	}
	slices.SortFunc(keys, portKey.compare)
	return slices.Compact(keys)
}

// ofInstance returns those of an instance.
func (n transferNames) ofInstance(in *catalog.Instance) []string {
	below := n.zone.below(n.own.service)
	names := []string{in.ID + "." + below}
	for i := range in.Ports {
		if p := &in.Ports[i]; p.Name != "" {
			names = append(names, in.ID+"."+byName.key(p).labels()+"."+below)
		}
	}
	slices.Sort(names)
	return n.withoutServers(slices.Compact(names))
}

// withoutServers leaves out the names of the zone's name servers, which have the
// addresses of these.
func (n transferNames) withoutServers(names []string) []string {
	return slices.DeleteFunc(names, func(name string) bool { return n.zone.server(name) != nil })
}

// transferred returns a port as the labels of its name: of a number without a protocol
// those of an origin of HTTPS.
func (k portKey) transferred() string {
	switch {
	case k.number == 0:
		return k.labels()
	case k.protocol == "":
		return "_" + strconv.Itoa(int(k.number)) + "._https"
	}
	return "_" + strconv.Itoa(int(k.number)) + "._" + k.protocol
}

// reverseOf returns the name of an address.
func reverseOf(a netip.Addr) string {
	name, _ := dns.ReverseAddr(a.String()) // fails for what is no address
	return name
}
