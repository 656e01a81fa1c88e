package roster

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
)

// maxRecords bounds the records of one answer: no message of 65,535 octets
// holds more, since the smallest record, an A with a compressed owner, takes 16.
const maxRecords = 65535 / 16

// maxName is the length of a name on the wire in octets (RFC 1035, 2.3.4).
const maxName = 255

// rotated yields the elements of a set, starting from another one each turn, and
// at most maxRecords of them.
func rotated[T any](set []T, turn uint32) []T {
	if len(set) == 0 {
		return nil
	}
	start := int(turn % uint32(len(set)))
	out := make([]T, 0, min(len(set), maxRecords))
	for i := range cap(out) {
		out = append(out, set[(start+i)%len(set)])
	}
	return out
}

// serviceAddresses returns the A or AAAA records of instances, each address
// once.
func (q *question) serviceAddresses(instances []*catalog.Instance) []dns.RR {
	var addrs []netip.Addr
	var have []*catalog.Instance
	seen := make(map[netip.Addr]struct{}, len(instances))
	for _, in := range instances {
		counts := false
		for _, a := range in.Addresses {
			if a.Is4() != (q.qtype == dns.TypeA) {
				continue
			}
			counts = true
			if _, twice := seen[a]; !twice {
				seen[a] = struct{}{}
				addrs = append(addrs, a)
			}
		}
		if counts {
			have = append(have, in)
		}
	}
	ttl := lowestTTL(q.ttls, have, func(in *catalog.Instance) *catalog.Instance { return in })
	return q.addresses(q.owner, rotated(addrs, q.turn), q.qtype, ttl)
}

// srvKey is the data of an SRV record, by which a set has it once (RFC 2181, 5).
type srvKey struct {
	priority, weight, port uint16
	target                 string
}

// srv returns the SRV records of offers, and the addresses of those targets that
// lie in the zone.
func (q *question) srv(set []offer) (records, glue []dns.RR) {
	ttl := lowestTTL(q.ttls, set, func(o offer) *catalog.Instance { return o.Instance })
	seen := make(map[srvKey]struct{}, len(set))
	glued := make(map[string]struct{}, len(set))
	for _, o := range rotated(set, q.turn) {
		target, inZone := q.target(o.Instance)
		if target == "" {
			q.tooLong()
			continue
		}
		k := srvKey{o.Priority, o.Weight, o.port.Port, target}
		if _, twice := seen[k]; twice {
			continue
		}
		seen[k] = struct{}{}
		records = append(records, &dns.SRV{
			Hdr:      q.header(q.owner, dns.TypeSRV, ttl),
			Priority: k.priority, Weight: k.weight, Port: k.port, Target: target,
		})
		if _, twice := glued[target]; inZone && !twice {
			glued[target] = struct{}{}
			own := q.ttls.of(o.Instance)
			glue = append(glue, q.addresses(target, o.Addresses, dns.TypeA, own)...)
			glue = append(glue, q.addresses(target, o.Addresses, dns.TypeAAAA, own)...)
		}
	}
	return records, glue
}

// target returns the name that an SRV record of the instance points to and
// whether the zone has its addresses. It is "" where the name would be too long
// for DNS.
func (q *question) target(in *catalog.Instance) (target string, inZone bool) {
	if in.Host != "" {
		return dns.Fqdn(in.Host), false
	}
	target = join(in.ID+"."+q.service+"."+q.namespace+".", q.zone.name)
	if len(target)+1 > maxName {
		return "", false
	}
	return target, true
}

// txt returns the metadata of an instance as one record of sorted key=value
// strings; without metadata as one empty string (RFC 6763, 6.1).
func (q *question) txt(in *catalog.Instance) dns.RR {
	pairs := make([]string, 0, len(in.Metadata)+1)
	for k, v := range in.Metadata {
		pairs = append(pairs, k+"="+v)
	}
	slices.Sort(pairs)
	if len(pairs) == 0 {
		pairs = append(pairs, "")
	}
	for i := range pairs {
		// Strings of dns.TXT are in presentation form, where '\' escapes.
		pairs[i] = strings.ReplaceAll(pairs[i], `\`, `\\`)
	}
	return &dns.TXT{Hdr: q.header(q.owner, dns.TypeTXT, q.ttls.of(in)), Txt: pairs}
}
