package roster

import (
	"iter"
	"net/netip"
	"slices"
	"strconv"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/internal/services"
)

// contents are the records of a zone at one generation: what queries for each name
// and type get, but for selectors, max_answers, the locality of clients and _status.
// It is for one goroutine.
type contents struct {
	ask question // about nothing yet
	// omitted counts the names that are too long, and the records with one.
	omitted int
}

// contentsOf returns what a zone holds at a generation.
func (r *Roster) contentsOf(z *zone, gen *services.Generation) *contents {
	block := settings{ttls: r.ttls, nets: r.nets}
	return &contents{ask: question{zone: z, gen: gen, block: &block, ttls: r.ttls, whole: true}}
}

// transferTypes are the types that a name other than a zone's can have records of,
// besides CNAME, and NS.
var transferTypes = slices.DeleteFunc(slices.Clone(anyTypes[:]), func(t uint16) bool { return t == dns.TypeSOA })

// all yields the records of the zone but for SOA, service by service.
func (c *contents) all() iter.Seq[dns.RR] {
	return func(yield func(dns.RR) bool) {
		if !c.yieldAll(c.ask.apex(), &c.ask, yield) {
			return
		}
		if c.ask.forward != nil {
			c.yieldAddresses(yield)
			return
		}
		namespace := ""
		for s := range c.ask.gen.All() {
			if s.Namespace != namespace {
				namespace = s.Namespace
				if !c.yieldAll(c.ask.namespaceNames(namespace), &c.ask, yield) {
					return
				}
			}
			if !c.yieldService(c.about(s), yield) {
				return
			}
		}
	}
}

// yieldAll yields the records at some names, and reports whether to go on.
func (c *contents) yieldAll(names []string, q *question, yield func(dns.RR) bool) bool {
	for _, name := range names {
		for set := range c.at(q, name) {
			for i := range set.count() {
				if !yield(set.record(i)) {
					return false
				}
			}
		}
	}
	return true
}

// yieldService yields what there is of a service, or nil.
func (c *contents) yieldService(q *question, yield func(dns.RR) bool) bool {
	if q == nil {
		return true
	}
	for rr := range c.listed(q) {
		if !yield(rr) {
			return false
		}
	}
	if !c.yieldAll(q.serviceNames(), q, yield) {
		return false
	}
	for in := range q.own.instances() {
		if !c.yieldAll(q.instanceNames(in), q, yield) {
			return false
		}
	}
	return true
}

// yieldAddresses yields what there is of each address in a reverse zone.
func (c *contents) yieldAddresses(yield func(dns.RR) bool) {
	prefix := parseReverse(c.ask.zone.name).prefix
	if prefix == nil || prefix.IsSingleIP() { // below which no address has a name
		return
	}
	a, ok := c.ask.gen.AddressFrom(prefix.Addr())
	for ok && prefix.Contains(a) {
		if !c.yieldAll([]string{reverseOf(a)}, &c.ask, yield) {
			return
		}
		a, ok = c.ask.gen.AddressFrom(a.Next())
	}
}

// about returns the question about a service, nil where nothing of it is served.
func (c *contents) about(s *services.Service) *question {
	if s == nil {
		return nil
	}
	q := c.ask
	q.namespace, q.service = s.Namespace, s.Name
	q.ask(s)
	q.limit = unlimited
	if q.own == nil {
		return nil
	}
	return &q
}

// at yields the record sets at a name, which are not empty. q is about the service of
// the name, if it has one; nil is about one that isn't there.
func (c *contents) at(q *question, name string) iter.Seq[recordSet] {
	return func(yield func(recordSet) bool) {
		if q == nil || !c.holds(name) {
			return
		}
		at := q.zone.parse(name)
		for _, rrtype := range transferTypes {
			one := *q
			one.name, one.qname, one.qtype = at, name, rrtype
			a := one.resolve()
			c.omitted += a.omitted
			if a.alias != "" {
				yield(single(&dns.CNAME{Hdr: q.header(name, dns.TypeCNAME, a.aliasTTL), Target: a.alias}))
				return
			}
			if a.count() > 0 && !yield(a.records) {
				return
			}
		}
	}
}

// holds reports whether a name of the grammar is one of the zone's: not too long, and
// of no zone within.
func (c *contents) holds(name string) bool {
	z := c.ask.zone
	if z.forward == nil && z.roomBefore(name) < -1 { // -1 is none for a further label
		c.omitted++
		return false
	}
	return !z.delegates(name)
}

// listed yields what makes a service known among those of its namespace that have a
// port in common, one record for each named port.
func (c *contents) listed(q *question) iter.Seq[dns.RR] {
	return func(yield func(dns.RR) bool) {
		if q == nil {
			return
		}
		for _, port := range q.own.namedPorts() {
			name := join(port.labels()+"."+q.namespace+".", q.zone.name)
			if !c.holds(name) || !c.holds(q.service+"."+name) {
				continue
			}
			if !yield(&dns.PTR{Hdr: q.header(name, dns.TypePTR, q.zone.ttl), Ptr: q.service + "." + name}) {
				return
			}
		}
	}
}

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

// serviceNames returns the names with records of a service as a whole.
func (q *question) serviceNames() []string {
	below := q.below(q.own.service)
	names := []string{below, "_services._dns-sd._udp." + below}
	for _, key := range q.portKeys() {
		names = append(names, key.transferred()+"."+below)
	}
	for _, port := range q.own.namedPorts() {
		names = append(names, q.service+"."+join(port.labels()+"."+q.namespace+".", q.zone.name))
	}
	return slices.DeleteFunc(names, func(name string) bool { return q.server(name) != nil })
}

// portKeys returns the ports of a service by which it is asked, in order.
func (q *question) portKeys() []portKey {
	var keys []portKey
	add := func(sv *servedService, by portKeying) {
		for key := range sv.whole.portsBy(by) {
			if key.name != "" || key.number != 0 {
				keys = append(keys, key)
			}
		}
	}
	add(q.own, byName)
	for by := range portKeyings {
		add(q.answering, by)
	}
	slices.SortFunc(keys, portKey.compare)
	return slices.Compact(keys)
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

// instanceNames returns the names with records of an instance.
func (q *question) instanceNames(in *catalog.Instance) []string {
	below := q.below(q.own.service)
	names := []string{in.ID + "." + below}
	for i := range in.Ports {
		if p := &in.Ports[i]; p.Name != "" {
			names = append(names, in.ID+"."+byName.key(p).labels()+"."+below)
		}
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return q.server(name) != nil })
}

// reverseOf returns the name of an address.
func reverseOf(a netip.Addr) string {
	name, _ := dns.ReverseAddr(a.String()) // fails for what is no address
	return name
}
