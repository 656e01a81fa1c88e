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

// maxAdded is how many added records are remembered while those are looked for that are
// removed, which are sent first. With more, all is looked at twice.
const maxAdded = 4096

// difference is how the contents of a zone at two generations differ. It looks at what
// belongs to services that have changed, and to those whose answers come from one,
// name by name. It is for one goroutine.
type difference struct {
	sides   [2]*contents
	changes []services.Change
	// dependents are services that have not changed themselves.
	dependents []services.Change
	// addresses are those that instances have gained or lost, or have a different
	// name or TTL at, in a reverse zone.
	addresses []netip.Addr
	// found are records that are added, if there are no more than maxAdded.
	found []dns.RR
	wire  [dns.MaxMsgSize]byte
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
func (d *difference) removed() iter.Seq[dns.RR] {
	return func(yield func(dns.RR) bool) {
		d.found = nil
		d.walk(func(side int, rr dns.RR) bool {
			if side == before {
				return yield(rr)
			}
			if len(d.found) <= maxAdded {
				d.found = append(d.found, rr)
			}
			return true
		})
	}
}

// added yields the records that there were not before. It is called after removed.
func (d *difference) added() iter.Seq[dns.RR] {
	if len(d.found) <= maxAdded {
		return slices.Values(d.found)
	}
	return func(yield func(dns.RR) bool) {
		d.sides[present].omitted = 0 // which have been counted already
		d.walk(func(side int, rr dns.RR) bool { return side == before || yield(rr) })
	}
}

// walk yields the records that one side has and the other hasn't.
func (d *difference) walk(yield func(side int, rr dns.RR) bool) {
	asks := [2]*question{&d.sides[before].ask, &d.sides[present].ask}
	for _, a := range d.addresses {
		if !d.yieldAt(asks, reverseOf(a), yield) {
			return
		}
	}
	if asks[present].forward != nil || !d.yieldNamespaces(asks, yield) {
		return
	}
	for _, changes := range [][]services.Change{d.changes, d.dependents} {
		for _, c := range changes {
			if !d.yieldService([2]*question{d.sides[before].about(c.Old), d.sides[present].about(c.New)}, yield) {
				return
			}
		}
	}
}

// yieldService yields what differs of a service, that is about it on each side.
func (d *difference) yieldService(about [2]*question, yield func(int, dns.RR) bool) bool {
	listed := [2][]dns.RR{}
	var names []string
	for side, q := range about {
		listed[side] = slices.Collect(d.sides[side].listed(q))
		if q != nil {
			names = append(names, namesOf(q).ofService()...)
		}
	}
	if !d.yieldSets(recordList{records: listed[before]}, recordList{records: listed[present]}, yield) {
		return false
	}
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if !d.yieldAt(about, name, yield) {
			return false
		}
	}
	for side, q := range about {
		if q != nil && !d.yieldInstances(about, side, yield) {
			return false
		}
	}
	return true
}

// yieldInstances yields what differs of the instances that a service has on one side; of
// those that it has on both if that is the first.
func (d *difference) yieldInstances(about [2]*question, side int, yield func(int, dns.RR) bool) bool {
	q, other := about[side], about[1-side]
	for in := range q.own.service.All() {
		var names []string
		if other != nil {
			was := other.own.service.Instance(in.ID)
			switch {
			case was == nil:
			case side == present:
				continue
			case q.ttls == other.ttls && in == was:
				continue
			default:
				names = namesOf(other).ofInstance(was)
			}
		}
		names = append(names, namesOf(q).ofInstance(in)...)
		slices.Sort(names)
		for _, name := range slices.Compact(names) {
			if !d.yieldAt(about, name, yield) {
				return false
			}
		}
	}
	return true
}

// yieldNamespaces yields what differs of the namespaces in which services have changed.
func (d *difference) yieldNamespaces(asks [2]*question, yield func(int, dns.RR) bool) bool {
	namespaces := map[string]bool{}
	for i := range d.changes {
		namespaces[nameOf(&d.changes[i]).Namespace] = true
	}
	for _, namespace := range slices.Sorted(maps.Keys(namespaces)) {
		for _, label := range browseDomains {
			if !d.yieldAt(asks, asks[present].browseName(label, namespace), yield) {
				return false
			}
		}
	}
	for side, q := range asks {
		for p := range d.ports(side) {
			name := q.browseName("_services", p.namespace)
			ptr := nameKey(p.PortName).labels() + "." + join(p.namespace+".", q.zone.name)
			if d.sides[side].holds(name) && !yield(side, &dns.PTR{Hdr: q.header(name, dns.TypePTR, q.zone.ttl), Ptr: ptr}) {
				return false
			}
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
		for _, c := range d.changes {
			own := d.sides[side].ask.serve([2]*services.Service{c.Old, c.New}[side])
			if own == nil {
				continue
			}
			for _, key := range own.view().namedPorts() {
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
	for range c.ask.gen.WithPort(p.namespace, p.PortName) {
		return true
	}
	return false
}

// yieldAt yields what differs at a name.
func (d *difference) yieldAt(about [2]*question, name string, yield func(int, dns.RR) bool) bool {
	var sets [2]map[uint16]recordSet
	for side, q := range about {
		sets[side] = map[uint16]recordSet{}
		for set := range d.sides[side].at(q, name) {
			sets[side][set.record(0).Header().Rrtype] = set
		}
	}
	for rrtype, set := range sets[present] {
		if sets[before][rrtype] == nil {
			sets[before][rrtype] = recordList{}
		}
		if !d.yieldSets(sets[before][rrtype], set, yield) {
			return false
		}
	}
	for rrtype, set := range sets[before] {
		if sets[present][rrtype] == nil && !d.yieldSets(set, recordList{}, yield) {
			return false
		}
	}
	return true
}

// yieldSets yields what differs between two sets of records. They are in the same order
// as a rule, so that most is compared without being remembered.
func (d *difference) yieldSets(old, next recordSet, yield func(int, dns.RR) bool) bool {
	first, ends := 0, [2]int{old.count(), next.count()}
	same := func(i, j int) bool {
		a, b := old.record(i), next.record(j)
		return a.Header().Ttl == b.Header().Ttl && dns.IsDuplicate(a, b)
	}
	for first < min(ends[before], ends[present]) && same(first, first) {
		first++
	}
	for first < min(ends[before], ends[present]) && same(ends[before]-1, ends[present]-1) {
		ends[before]--
		ends[present]--
	}
	keys := [2]map[string]bool{{}, {}}
	for side, set := range [2]recordSet{old, next} {
		for i := first; i < ends[side]; i++ {
			keys[side][d.key(set.record(i))] = true
		}
	}
	for side, set := range [2]recordSet{old, next} {
		for i := first; i < ends[side]; i++ {
			if rr := set.record(i); !keys[1-side][d.key(rr)] && !yield(side, rr) {
				return false
			}
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
