package roster

import (
	"github.com/miekg/dns"
)

// resolveReverse answers for an address, or for what addresses begin with.
func (q *question) resolveReverse() answer {
	switch {
	case !q.prefix.IsSingleIP():
		a, ok := q.gen.AddressFrom(q.prefix.Addr())
		return answer{exists: ok && q.prefix.Contains(a)}
	case q.prefix.Addr().Is4In6(): // which no instance has: the index finds the IPv4 address in it
		return answer{}
	}
	var names []string
	a, ttl := answer{}, uint32(maxTTL)
	for s, in := range q.gen.WithAddress(q.prefix.Addr()) {
		a.exists = true
		below := q.forward.below(s)
		if len(in.ID) > q.forward.roomBefore(below) {
			a.omitted++
			continue
		}
		names = append(names, in.ID+"."+below)
		ttl = min(ttl, q.block.ttls.under(s.Policy()).of(in))
		if len(names) == maxPicked && !q.whole { // no message has room for more
			break
		}
	}
	if q.qtype != dns.TypePTR || len(names) == 0 {
		return a
	}
	omitted := a.omitted
	a = q.pointToNames(names, ttl)
	a.omitted = omitted
	return a
}
