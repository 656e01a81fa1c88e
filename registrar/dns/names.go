package dns

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// maxTags is how many tags a name in DNS has at most.
const maxTags = 4

// longestPort is the longest name of a port, with its protocol and dots (RFC 6335, 5.1).
const longestPort = "_123456789012345._tcp."

// query is a name of GetService as DNS has it.
type query struct {
	service catalog.ServiceName // without selectors
	owner   string              // that has the SRV records: [SEL.]S.N.Z
}

// newQuery returns what to ask DNS for in a zone. The error is ErrUnsupported.
func newQuery(n registrar.ServiceName, zone string) (query, error) {
	s := n.Selector
	unsupported := func(format string, args ...any) (query, error) {
		return query{}, fmt.Errorf("registrar: name %q: "+format+": %w", append(append([]any{n.String()}, args...), registrar.ErrUnsupported)...)
	}
	switch {
	case s.AnyStatus:
		return unsupported("status=any can't be asked of DNS, which lists the instances that are up")
	case len(s.Tags) > maxTags:
		return unsupported("DNS takes at most %d tags", maxTags)
	}
	owner := ownerOf(n.Name(), zone)
	switch {
	case s.Locality != "": // of which prefer would leave all or none out
		owner = s.Locality + ".pin._zone." + owner
	case s.Prefer != "":
		owner = s.Prefer + ".prefer._zone." + owner
	}
	for _, tag := range slices.Backward(s.Tags) {
		owner = tag + "._tag." + owner
	}
	if _, ok := dns.IsDomainName(longestPort + owner); !ok {
		return unsupported("its name in DNS, %s, is too long", owner)
	}
	return query{service: n.Name(), owner: owner}, nil
}

// ownerOf returns the name of a service.
func ownerOf(s catalog.ServiceName, zone string) string {
	return s.Name + "." + s.Namespace + "." + zone
}

// kindsOf returns the name that lists the named ports of a service (RFC 6763, 9).
func kindsOf(s catalog.ServiceName, zone string) string {
	return "_services._dns-sd._udp." + ownerOf(s, zone)
}

// portOf returns the name of a port of what has a name.
func portOf(p catalog.PortName, owner string) string {
	return "_" + p.Name + "._" + p.Protocol + "." + owner
}

// parsePort returns the port that a name is of; false if it is of none of the service's.
func parsePort(name, service string) (p catalog.PortName, ok bool) {
	labels, within := strings.CutSuffix(name, "."+service)
	port, protocol, two := strings.Cut(labels, ".")
	p.Name, ok = strings.CutPrefix(port, "_")
	if !within || !two || !ok || p.Name == "" || catalog.CheckPortName("name", p.Name) != nil {
		return catalog.PortName{}, false
	}
	switch protocol {
	case "_" + catalog.ProtocolTCP:
		p.Protocol = catalog.ProtocolTCP
	case "_" + catalog.ProtocolUDP:
		p.Protocol = catalog.ProtocolUDP
	default:
		return catalog.PortName{}, false
	}
	return p, true
}

// parseInstance returns which instance of which service has a name; false if it is no
// instance's, such as that of a host.
func parseInstance(name, zone string) (id string, service catalog.ServiceName, ok bool) {
	labels, within := strings.CutSuffix(name, "."+zone)
	id, rest, two := strings.Cut(labels, ".")
	service.Name, service.Namespace, ok = strings.Cut(rest, ".")
	ok = within && two && ok && catalog.CheckLabel("id", id) == nil && catalog.CheckLabel("name", service.Name) == nil &&
		catalog.CheckNamespace(service.Namespace) == nil
	if !ok {
		return "", catalog.ServiceName{}, false
	}
	return id, service, true
}
