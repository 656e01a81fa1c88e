package roster

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
)

// minRecord is the size of the smallest record in octets: an A whose owner is a
// compression pointer.
const minRecord = 16

// recordLimit returns how many records are enough for a message of a size in
// octets: more than it can hold, so that fit sees where some are missing.
func recordLimit(size int) int { return size/minRecord + 1 }

// rotated yields the elements of a set, starting from another one each turn.
func rotated[T any](set []T, turn uint32) iter.Seq[T] {
	return func(yield func(T) bool) {
		for i := range set {
			if !yield(set[(uint64(turn)+uint64(i))%uint64(len(set))]) {
				return
			}
		}
	}
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
			if addressType(a) != q.qtype {
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
	h := q.header(q.owner, q.qtype, lowestTTL(q.ttls, have, func(in *catalog.Instance) *catalog.Instance { return in }))
	records := make([]dns.RR, 0, min(len(addrs), q.limit))
	for a := range rotated(addrs, q.turn) {
		if len(records) == q.limit {
			break
		}
		records = append(records, address(h, a))
	}
	return records
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
	seen := make(map[srvKey]struct{}, min(len(set), q.limit))
	glued := make(map[string]struct{}, min(len(set), q.limit))
	for o := range rotated(set, q.turn) {
		if len(records) == q.limit {
			break
		}
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
		if _, twice := glued[target]; inZone && !twice && len(glue) < q.limit {
			glued[target] = struct{}{}
			own, addrs := q.ttls.of(o.Instance), distinct(o.Addresses)
			glue = append(glue, q.addresses(target, addrs, dns.TypeA, own)...)
			glue = append(glue, q.addresses(target, addrs, dns.TypeAAAA, own)...)
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
	below := in.ID + "." + q.service + "." + q.namespace + "."
	if len(below) > q.room { // a dot takes the octet of a label's length
		return "", false
	}
	return join(below, q.zone.name), true
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
