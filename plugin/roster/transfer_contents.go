package roster

import (
	"iter"
	"slices"

	"github.com/miekg/dns"

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
	block := settings{ttls: r.ttls}
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
	if !c.yieldAll(namesOf(q).ofService(), q, yield) {
		return false
	}
	for in := range q.own.service.All() {
		if !c.yieldAll(namesOf(q).ofInstance(in), q, yield) {
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

// about returns the question about a service, nil about none.
func (c *contents) about(s *services.Service) *question {
	if s == nil {
		return nil
	}
	q := c.ask
	q.namespace, q.service = s.Namespace, s.Name
	q.ask(s)
	q.limit = unlimited
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
		for _, port := range q.own.view().namedPorts() {
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
