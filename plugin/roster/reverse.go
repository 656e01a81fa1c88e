package roster

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/coredns/coredns/plugin/pkg/dnsutil"
	"github.com/miekg/dns"
)

// The trees of names that stand for addresses (RFC 1035, 3.5, and RFC 3596, 2.5).
const (
	reverse4 = ".in-addr.arpa."
	reverse6 = ".ip6.arpa."
)

// isReverse reports whether a zone is one of addresses.
func isReverse(zoneName string) bool {
	return dnsutil.IsReverse("."+zoneName) != 0 // the dot makes the trees themselves match too
}

// parseReverse parses a name below the zones of addresses, in lower case: one label
// for each octet or, of IPv6, half of one, the last one first.
func parseReverse(qname string) name {
	qname = "." + qname
	if below, ok := strings.CutSuffix(qname, reverse4); ok {
		return reverseName(below, 8, make([]byte, 4))
	}
	if below, ok := strings.CutSuffix(qname, reverse6); ok {
		return reverseName(below, 4, make([]byte, 16))
	}
	return name{}
}

// reverseName parses labels of some bits each into an address.
func reverseName(below string, bits int, octets []byte) name {
	n := 0
	for ; below != ""; n += bits {
		dot := strings.LastIndexByte(below, '.')
		value, ok := reverseLabel(below[dot+1:], bits)
		if !ok || n == 8*len(octets) {
			return name{}
		}
		octets[n/8] |= value << (8 - bits - n%8)
		below = below[:dot]
	}
	a, _ := netip.AddrFromSlice(octets)
	prefix := netip.PrefixFrom(a, n)
	return name{kind: kindReverse, prefix: &prefix}
}

// reverseLabel parses a label, which a value has one spelling of.
func reverseLabel(label string, bits int) (byte, bool) {
	base := 10
	if bits == 4 {
		base = 16
	}
	value, err := strconv.ParseUint(label, base, bits)
	return byte(value), err == nil && strconv.FormatUint(value, base) == label
}

// newReverseZone returns a zone of addresses, whose name servers are those of the
// first zone of services. others are zones of this server.
func newReverseZone(zoneName string, forward *zone, others []string) *zone {
	z := &zone{name: zoneName, ttl: forward.ttl, contact: forward.contact, forward: forward}
	for _, ns := range forward.nameServers {
		z.nameServers = append(z.nameServers, nameServer{name: ns.name})
	}
	z.addInner(others)
	return z
}

// resolveReverse answers for an address, or for what addresses begin with.
func (q *question) resolveReverse() answer {
	if !q.prefix.IsSingleIP() {
		return answer{exists: q.block.nets.anyIn(q.gen, *q.prefix)}
	}
	var names []string
	a, ttl := answer{}, uint32(maxTTL)
	for s, in := range q.block.nets.withAddress(q.gen, q.prefix.Addr()) {
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
	a = q.pointTo(len(names), ttl, func(i int) string { return names[i] })
	a.omitted = omitted
	return a
}
