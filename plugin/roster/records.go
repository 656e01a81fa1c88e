package roster

import (
	"iter"
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

// window yields at most limit elements of a set, starting from another one each
// turn.
func window[T any](set []T, turn uint32, limit int) iter.Seq[T] {
	return func(yield func(T) bool) {
		for i := range min(len(set), limit) {
			if !yield(set[(uint64(turn)+uint64(i))%uint64(len(set))]) {
				return
			}
		}
	}
}

// addressRecords returns the A or AAAA records of the question's name.
func (q *question) addressRecords(set *addressSet) []dns.RR {
	h := q.header(q.owner, q.qtype, q.ttls.ofSet(set.ttl))
	records := make([]dns.RR, 0, min(len(set.addresses), q.limit))
	for a := range window(set.addresses, q.turn, q.limit) {
		records = append(records, address(h, *a))
	}
	return records
}

// srv returns the SRV records of offers, and the addresses of those targets that
// lie in the zone. Offers whose targets would be too long for DNS are left out.
func (q *question) srv(set *offers) (records, glue []dns.RR) {
	if set == nil {
		return nil, nil
	}
	list := set.within(q.room - len(q.belowZone("")))
	if left := len(set.list) - len(list); left > 0 {
		q.tooLong(float64(left))
	}
	h := q.header(q.owner, dns.TypeSRV, q.ttls.ofSet(set.ttl))
	records = make([]dns.RR, 0, min(len(list), q.limit))
	// The ports of an instance are side by side, but for those of the first one,
	// which come last too where the window starts between them.
	var first, last *catalog.Instance
	for o := range window(list, q.turn, q.limit) {
		target := q.target(o.Instance)
		records = append(records, &dns.SRV{
			Hdr: h, Priority: o.Priority, Weight: o.Weight, Port: o.port.Port, Target: target,
		})
		if o.Instance != first && o.Instance != last && len(glue) < q.limit {
			addrs, ttl := distinct(o.Addresses), q.ttls.of(o.Instance)
			glue = append(glue, q.addresses(target, addrs, dns.TypeA, ttl)...)
			glue = append(glue, q.addresses(target, addrs, dns.TypeAAAA, ttl)...)
		}
		if first == nil {
			first = o.Instance
		}
		last = o.Instance
	}
	return records, glue
}

// belowZone returns a label and the service's name, relative to the zone. Each
// dot takes the octet of a label's length.
func (q *question) belowZone(label string) string {
	return label + "." + q.service + "." + q.namespace + "."
}

// target returns the name that an SRV record of the instance points to.
func (q *question) target(in *catalog.Instance) string {
	if in.Host != "" {
		return dns.Fqdn(in.Host)
	}
	return join(q.belowZone(in.ID), q.zone.name)
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
