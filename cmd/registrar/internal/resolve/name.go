// Package resolve compares what a DNS server answers for a name with what it has to
// answer by what etcd has.
package resolve

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
)

// maxTags is how many tags a name in DNS can have.
const maxTags = 4

// Labels of names in DNS with a meaning.
const (
	labelTag    = "_tag"
	labelZone   = "_zone"
	labelPin    = "pin"
	labelPrefer = "prefer"
)

// Name is a name in DNS, of a service, some of its instances or one of its ports, or of
// an instance.
type Name struct {
	// Domain is the name itself, with a dot at its end, and Zone what it is in, without.
	Domain, Zone string
	Service      catalog.ServiceName
	// Instance is an ID; empty for a service.
	Instance string
	Selector catalog.Selector
	// Port limits a service to instances with it; nil for all.
	Port *Port
}

// Port is a port by its name or, where Number is not 0, its number.
type Port struct {
	Name     string
	Number   uint16
	Protocol string
}

// errForm is a name that means nothing here.
var errForm = errors.New("is none of SERVICE, INSTANCE.SERVICE and _PORT._PROTOCOL.SERVICE: use dig for names of other kinds")

// OfService returns the name of a service, with a selector.
func OfService(service catalog.ServiceName, selector catalog.Selector, zone string) (Name, error) {
	var labels []string
	for _, tag := range selector.Tags {
		labels = append(labels, tag, labelTag)
	}
	switch {
	case selector.AnyStatus:
		return Name{}, errors.New("status=any has no name in DNS")
	case len(selector.Tags) > maxTags:
		return Name{}, fmt.Errorf("%d tags are more than a name in DNS can have, %d", len(selector.Tags), maxTags)
	case selector.Locality != "" && selector.Prefer != "":
		return Name{}, errors.New("locality and prefer together have no name in DNS")
	case selector.Locality != "":
		labels = append(labels, selector.Locality, labelPin, labelZone)
	case selector.Prefer != "":
		labels = append(labels, selector.Prefer, labelPrefer, labelZone)
	}
	labels = append(labels, service.Name, service.Namespace, zone)
	return Name{Domain: dns.Fqdn(strings.Join(labels, ".")), Zone: zone, Service: service, Selector: selector}, nil
}

// Parse parses a name in DNS.
func Parse(domain, zone string) (Name, error) {
	n := Name{Domain: dns.CanonicalName(domain), Zone: zone}
	if !dns.IsSubDomain(dns.Fqdn(zone), n.Domain) {
		return Name{}, fmt.Errorf("%q is not in the zone %s: set --zone", domain, zone)
	}
	labels := dns.SplitDomainName(n.Domain)
	labels = labels[:len(labels)-dns.CountLabel(zone)]
	if len(labels) < 2 {
		return Name{}, fmt.Errorf("%q %w", domain, errForm)
	}
	rest, last := labels[:len(labels)-2], labels[len(labels)-2:]
	n.Service = catalog.ServiceName{Namespace: last[1], Name: last[0]}
	err := errors.Join(catalog.CheckNamespace(last[1]), catalog.CheckLabel("name", last[0]))
	if err == nil {
		err = n.parseRest(rest)
	}
	if err != nil {
		return Name{}, fmt.Errorf("%q: %w", domain, err)
	}
	return n, nil
}

// parseRest parses what stands before the service: an instance; or a port, tags and a
// locality.
func (n *Name) parseRest(labels []string) error {
	if len(labels) == 1 {
		n.Instance = labels[0]
		return catalog.CheckLabel("id", labels[0])
	}
	if len(labels) > 1 && strings.HasPrefix(labels[0], "_") {
		if err := n.parsePort(labels[0], labels[1]); err != nil {
			return err
		}
		labels = labels[2:]
	}
	for ; len(labels) >= 2 && labels[1] == labelTag; labels = labels[2:] {
		n.Selector.Tags = append(n.Selector.Tags, labels[0])
	}
	if len(labels) == 3 && labels[2] == labelZone {
		switch labels[1] {
		case labelPin:
			n.Selector.Locality, labels = labels[0], nil
		case labelPrefer:
			n.Selector.Prefer, labels = labels[0], nil
		}
	}
	if len(labels) > 0 || len(n.Selector.Tags) > maxTags {
		return errForm
	}
	return nil
}

func (n *Name) parsePort(port, protocol string) error {
	p := Port{Protocol: strings.TrimPrefix(protocol, "_"), Name: port[1:]}
	if !slices.Contains([]string{catalog.ProtocolTCP, catalog.ProtocolUDP}, p.Protocol) {
		return errForm
	}
	if number, err := strconv.ParseUint(p.Name, 10, 16); err == nil && number > 0 {
		p.Name, p.Number = "", uint16(number)
	} else if err := catalog.CheckPortName("port", p.Name); err != nil || p.Name == "" {
		return errForm
	}
	n.Port = &p
	return nil
}

// Types returns the types of records that are asked for.
func (n *Name) Types() []uint16 {
	if n.Port != nil {
		return []uint16{dns.TypeSRV}
	}
	return []uint16{dns.TypeSRV, dns.TypeA, dns.TypeAAAA}
}
