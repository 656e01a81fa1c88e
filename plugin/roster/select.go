package roster

import (
	"net/netip"
	"slices"
	"sort"
	"sync"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
)

// selection is what answers need of the instances of a service that are up: all
// that depends neither on the question nor on a block's settings. It is made
// once for each version of a service that is asked for, so that the work of a
// query doesn't grow with the service. Its lists point into the service. It is
// immutable.
type selection struct {
	// sole is the only instance that is up, or nil.
	sole *catalog.Instance
	// addresses are those of the preferred instances.
	addresses families
	// ports returns the ports of the service, whatever the status of who has
	// them. It is apart since many services are never asked for ports.
	ports func() map[portKey]*offers
}

// attachment is what the plugin keeps with a version of a service.
type attachment struct {
	selection func() *selection // made at the first use
	filtered  sync.Map          // *services.Service by netFilter.key; nil ones too
}

func attachmentOf(s *services.Service) *attachment {
	return s.Attachment(newAttachment).(*attachment)
}

func newAttachment(s *services.Service) any {
	return &attachment{selection: sync.OnceValue(func() *selection { return newSelection(s) })}
}

// selectionOf returns the selection of a service, which is attached to it.
func selectionOf(s *services.Service) *selection { return attachmentOf(s).selection() }

func newSelection(s *services.Service) *selection {
	var up []*catalog.Instance
	for in := range s.All() {
		if in.Up() {
			up = append(up, in)
		}
	}
	sel := &selection{
		addresses: newFamilies(preferred(up)),
		ports:     sync.OnceValue(func() map[portKey]*offers { return newPorts(s) }),
	}
	if len(up) == 1 {
		sel.sole = up[0]
	}
	return sel
}

// preferred returns the instances with addresses that have the lowest value of
// priority among them, which is that of the most preferred (RFC 2782).
func preferred(up []*catalog.Instance) []*catalog.Instance {
	var best []*catalog.Instance
	for _, in := range up {
		switch {
		case len(in.Addresses) == 0:
		case len(best) == 0 || in.Priority < best[0].Priority:
			best = append(best[:0], in)
		case in.Priority == best[0].Priority:
			best = append(best, in)
		}
	}
	return best
}

// addressSet is the data of an A or AAAA record set.
type addressSet struct {
	addresses []*netip.Addr // each once
	ttl       ownTTLs
}

// families are the addresses of instances by family.
type families struct{ v4, v6 addressSet }

func newFamilies(instances []*catalog.Instance) families {
	var f families
	seen := make(map[netip.Addr]struct{}, len(instances))
	for _, in := range instances {
		for i := range in.Addresses {
			a := &in.Addresses[i]
			set := f.of(addressType(*a))
			set.ttl.add(in)
			if _, twice := seen[*a]; !twice {
				seen[*a] = struct{}{}
				set.addresses = append(set.addresses, a)
			}
		}
	}
	f.v4.addresses, f.v6.addresses = slices.Clone(f.v4.addresses), slices.Clone(f.v6.addresses)
	return f
}

// of returns the addresses that records of the type hold.
func (f *families) of(rrtype uint16) *addressSet {
	if rrtype == dns.TypeA {
		return &f.v4
	}
	return &f.v6
}

// portKey is what a name says of ports. Parts that it leaves out are empty; all
// ports are meant where all are.
type portKey struct {
	protocol, name string
	number         uint16
}

func (n *name) portKey() portKey { return portKey{n.protocol, n.port, n.portNumber} }

// offer is an instance with one of its ports.
type offer struct {
	*catalog.Instance
	port *catalog.Port
}

// targetLabel is the length in octets of the label that an SRV target has before
// the service, 0 for a host.
func targetLabel(in *catalog.Instance) int {
	if in.Host != "" {
		return 0
	}
	return len(in.ID)
}

// offers are the data of an SRV record set: no two would make the same record.
type offers struct {
	// list is in ascending order of the length of targets.
	list []offer
	ttl  ownTTLs
}

// add adds a port of an instance, once for each number. The ports of an instance
// are added one after the other.
func (o *offers) add(in *catalog.Instance, p *catalog.Port) {
	for _, other := range slices.Backward(o.list) {
		if other.Instance != in {
			break
		}
		if other.port.Port == p.Port { // under another name or protocol
			return
		}
	}
	o.list = append(o.list, offer{in, p})
}

// within returns the offers whose targets have a label of at most that many octets
// before the service. Hosts are always among them.
func (o *offers) within(octets int) []offer {
	octets = max(octets, 0)
	n := sort.Search(len(o.list), func(i int) bool { return targetLabel(o.list[i].Instance) > octets })
	return o.list[:n]
}

// newPorts returns what instances that are up offer for each question about
// ports that has an answer. A port that only others have is there without an
// offer, and so are protocols alone, since no records are at their names.
func newPorts(s *services.Service) map[portKey]*offers {
	instances := slices.Collect(s.All())
	slices.SortStableFunc(instances, func(a, b *catalog.Instance) int { return targetLabel(a) - targetLabel(b) })
	b := portsBuilder{ports: map[portKey]*offers{}, hosts: map[hostRecord]struct{}{}}
	for _, in := range instances {
		for i := range in.Ports {
			b.add(in, &in.Ports[i])
		}
	}
	for _, set := range b.ports {
		set.list = slices.Clone(set.list)
	}
	return b.ports
}

// hostRecord is the data of an SRV record with a host: other than with
// addresses, many instances can have the same.
type hostRecord struct {
	key                    portKey
	host                   string
	priority, weight, port uint16
}

type portsBuilder struct {
	ports map[portKey]*offers
	hosts map[hostRecord]struct{}
}

// add adds a port of an instance to the answers that it belongs to.
func (b *portsBuilder) add(in *catalog.Instance, p *catalog.Port) {
	protocol := portKey{protocol: p.Protocol}
	named, numbered := protocol, protocol
	named.name, numbered.number = p.Name, p.Port
	for _, key := range [...]portKey{{}, protocol, named, numbered} {
		set, ok := b.ports[key]
		if !ok {
			set = &offers{}
			b.ports[key] = set
		}
		if !in.Up() || key == protocol { // so is the key of a port without a name
			continue
		}
		set.ttl.add(in)
		if in.Host != "" {
			record := hostRecord{key, in.Host, in.Priority, in.Weight, p.Port}
			if _, twice := b.hosts[record]; twice {
				continue
			}
			b.hosts[record] = struct{}{}
		}
		set.add(in, p)
	}
}
