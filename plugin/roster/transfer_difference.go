package roster

import (
	"iter"
	"maps"
	"net/netip"
	"slices"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
)

// Sides of a difference.
const (
	before = iota
	present
)

// difference is how the contents of a zone at two generations differ. It looks at what
// belongs to services that have changed, and to those whose answers come from one,
// and holds no more of it at a time than the records at one name. It is for one
// goroutine.
type difference struct {
	sides   [2]*contents
	changes []services.Change
	// dependents are services that have not changed themselves.
	dependents []services.Change
	// addresses are those that instances have gained or lost, or have a different
	// name or TTL at, in a reverse zone.
	addresses []netip.Addr
	wire      [dns.MaxMsgSize]byte
}

// differenceOf returns how a zone has changed.
func (r *Roster) differenceOf(z *zone, h *services.History) *difference {
	d := &difference{sides: [2]*contents{r.contentsOf(z, h.Before), r.contentsOf(z, h.Present)}, changes: h.Changes}
	if z.forward != nil {
		d.addresses = changedAddresses(z, h.Changes)
	} else {
		d.dependents = dependentsOf(h)
	}
	return d
}

// dependentsOf returns the services that others which have changed answer for, or did,
// and that have not changed themselves.
func dependentsOf(h *services.History) (dependents []services.Change) {
	seen := map[catalog.ServiceName]bool{}
	for i := range h.Changes {
		seen[nameOf(&h.Changes[i])] = true
	}
	for i := range h.Changes {
		for _, gen := range []*services.Generation{h.Before, h.Present} {
			for s := range gen.Dependents(nameOf(&h.Changes[i])) {
				if name := s.ServiceName(); !seen[name] {
					seen[name] = true
					dependents = append(dependents, services.Change{Old: s, New: s})
				}
			}
		}
	}
	return dependents
}

func nameOf(c *services.Change) catalog.ServiceName {
	if c.New != nil {
		return c.New.ServiceName()
	}
	return c.Old.ServiceName()
}

// removed yields the records that there are no more.
func (d *difference) removed() iter.Seq[dns.RR] { return d.only(before) }

// added yields the records that there were not before.
func (d *difference) added() iter.Seq[dns.RR] {
	d.sides[present].omitted = 0 // which have been counted where they were looked for
	return d.only(present)
}

// only yields the records that one side has and the other hasn't.
func (d *difference) only(side int) iter.Seq[dns.RR] {
	return func(yield func(dns.RR) bool) {
		ask, other := &d.sides[side].ask, &d.sides[1-side].ask
		if ask.forward != nil {
			for _, a := range d.addresses {
				if !d.yieldAt(side, ask, other, reverseOf(a), yield) {
					return
				}
			}
			return
		}
		if !d.yieldNamespaces(side, yield) {
			return
		}
		for _, changes := range [][]services.Change{d.changes, d.dependents} {
			for i := range changes {
				versions := [2]*services.Service{changes[i].Old, changes[i].New}
				q, other := d.sides[side].about(versions[side]), d.sides[1-side].about(versions[1-side])
				if q != nil && !d.yieldService(side, q, other, yield) {
					return
				}
			}
		}
	}
}

// yieldService yields what one side has of a service.
func (d *difference) yieldService(side int, q, other *question, yield func(dns.RR) bool) bool {
	if !d.yieldMissing(d.sides[side].listed(q), d.sides[1-side].listed(other), yield) {
		return false
	}
	for _, name := range q.serviceNames() {
		if !d.yieldAt(side, q, other, name, yield) {
			return false
		}
	}
	sameTTLs := other != nil && q.ttls == other.ttls
	for in := range q.own.instances() {
		if sameTTLs && q.own.service.Instance(in.ID) == other.own.service.Instance(in.ID) {
			continue
		}
		for _, name := range q.instanceNames(in) {
			if !d.yieldAt(side, q, other, name, yield) {
				return false
			}
		}
	}
	return true
}

// yieldNamespaces yields what one side has of the namespaces in which services have
// changed.
func (d *difference) yieldNamespaces(side int, yield func(dns.RR) bool) bool {
	ask, other := &d.sides[side].ask, &d.sides[1-side].ask
	namespaces := map[string]bool{}
	for i := range d.changes {
		namespaces[nameOf(&d.changes[i]).Namespace] = true
	}
	for _, namespace := range slices.Sorted(maps.Keys(namespaces)) {
		for _, label := range browseDomains {
			if !d.yieldAt(side, ask, other, ask.browseName(label, namespace), yield) {
				return false
			}
		}
	}
	for p := range d.ports(side) {
		name := ask.browseName("_services", p.namespace)
		if !d.sides[side].holds(name) {
			continue
		}
		ptr := nameKey(p.PortName).labels() + "." + join(p.namespace+".", ask.zone.name)
		if !yield(&dns.PTR{Hdr: ask.header(name, dns.TypePTR, ask.zone.ttl), Ptr: ptr}) {
			return false
		}
	}
	return true
}

// namespacePort is a named port of a namespace.
type namespacePort struct {
	namespace string
	catalog.PortName
}

// ports yields the named ports that namespaces have on one side only.
func (d *difference) ports(side int) iter.Seq[namespacePort] {
	return func(yield func(namespacePort) bool) {
		seen := map[namespacePort]bool{}
		for i := range d.changes {
			versions := [2]*services.Service{d.changes[i].Old, d.changes[i].New}
			own := d.sides[side].ask.serve(versions[side])
			if own == nil {
				continue
			}
			for _, key := range own.namedPorts() {
				p := namespacePort{own.service.Namespace, catalog.PortName{Name: key.name, Protocol: key.protocol}}
				if seen[p] {
					continue
				}
				seen[p] = true
				if !d.sides[1-side].hasPort(p) && !yield(p) {
					return
				}
			}
		}
	}
}

// hasPort reports whether a namespace has a named port.
func (c *contents) hasPort(p namespacePort) bool {
	for s := range c.ask.gen.WithPort(p.namespace, p.PortName) {
		if c.ask.block.nets == nil {
			return true
		}
		if own := c.ask.serve(s); own != nil && own.hasPort(nameKey(p.PortName)) {
			return true
		}
	}
	return false
}

// yieldAt yields the records that one side has at a name.
func (d *difference) yieldAt(side int, q, other *question, name string, yield func(dns.RR) bool) bool {
	return d.yieldMissing(d.sides[side].at(q, name), d.sides[1-side].at(other, name), yield)
}

// yieldMissing yields the records that others lack, each once.
func (d *difference) yieldMissing(records, others iter.Seq[dns.RR], yield func(dns.RR) bool) bool {
	have := map[string]struct{}{}
	for rr := range others {
		have[d.key(rr)] = struct{}{}
	}
	for rr := range records {
		if firstOf(have, d.key(rr)) && !yield(rr) {
			return false
		}
	}
	return true
}

// key returns what is equal for equal records: their wire form.
func (d *difference) key(rr dns.RR) string {
	n, err := dns.PackRR(rr, d.wire[:], 0, nil, false)
	if err != nil {
		return rr.String()
	}
	return string(d.wire[:n])
}

// changedAddresses returns the addresses of a reverse zone at which there can be
// something different.
func changedAddresses(z *zone, changes []services.Change) []netip.Addr {
	prefix := parseReverse(z.name).prefix
	if prefix == nil {
		return nil
	}
	found := map[netip.Addr]struct{}{}
	add := func(s, other *services.Service) {
		if s == nil {
			return
		}
		for in := range s.All() {
			if other != nil && other.Policy() == s.Policy() && other.Instance(in.ID) == in {
				continue
			}
			for _, a := range in.Addresses {
				if prefix.Contains(a) {
					found[a] = struct{}{}
				}
			}
		}
	}
	for _, c := range changes {
		add(c.Old, c.New)
		add(c.New, c.Old)
	}
	return slices.SortedFunc(maps.Keys(found), netip.Addr.Compare)
}
