package roster

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
)

// recordSet is what an answer section holds, rendered record by record: a
// service can have many more records than a message holds.
type recordSet interface {
	// count returns how many records there are.
	count() int
	// record renders record i, from 0.
	record(i int) dns.RR
	// size returns the least octets that record i takes in a message: its owner
	// is the name asked for, which is a pointer then.
	size(i int) int
	// glue renders the addresses that the server knows of the name that record i
	// points to.
	glue(i int) []dns.RR
}

// Sizes in octets of what records consist of, at least.
const (
	// fixedSize is an owner that is a compression pointer, and type, class, TTL
	// and length of the data (RFC 1035, 4.1.3).
	fixedSize = 2 + 10
	aSize     = fixedSize + 4
	aaaaSize  = fixedSize + 16
	// srvSize is without the target, which is never compressed (RFC 2782).
	srvSize = fixedSize + 6
)

// listed are a few records of any type, with the glue of each.
type listed struct {
	records []dns.RR
	glued   [][]dns.RR // nil, or as long as records
}

func (l listed) count() int          { return len(l.records) }
func (l listed) record(i int) dns.RR { return l.records[i] }
func (l listed) size(int) int        { return fixedSize }

func (l listed) glue(i int) []dns.RR {
	if l.glued == nil {
		return nil
	}
	return l.glued[i]
}

// addressRecords is an A or AAAA record set.
type addressRecords struct {
	header    dns.RR_Header
	addresses []*netip.Addr
}

func (a *addressRecords) count() int          { return len(a.addresses) }
func (a *addressRecords) record(i int) dns.RR { return address(a.header, *a.addresses[i]) }
func (a *addressRecords) size(int) int        { return addressSize(a.header.Rrtype) }
func (a *addressRecords) glue(int) []dns.RR   { return nil }

func addressSize(rrtype uint16) int {
	if rrtype == dns.TypeA {
		return aSize
	}
	return aaaaSize
}

func (q *question) addressRecords(set *addressSet) recordSet {
	return &addressRecords{q.header(q.qname, q.qtype, q.ttls.ofSet(set.ttl)), set.addresses}
}

// srvRecords is an SRV record set.
type srvRecords struct {
	*question
	header  dns.RR_Header
	targets []srvTarget
	// below is what follows the label of a target that is no host.
	below string
}

// srvRecords returns the record set of targets, and how many are left out since
// their names would be too long for DNS.
func (q *question) srvRecords(set *srvSet) (records recordSet, omitted int) {
	below := "." + q.service + "." + q.namespace + "."
	// Each dot takes the octet of a label's length.
	targets := set.within(q.room - len(below))
	h := q.header(q.qname, dns.TypeSRV, q.ttls.ofSet(set.ttl))
	return &srvRecords{q, h, targets, join(below, q.zone.name)}, len(set.targets) - len(targets)
}

func (s *srvRecords) count() int { return len(s.targets) }

func (s *srvRecords) record(i int) dns.RR {
	t := &s.targets[i]
	return &dns.SRV{Hdr: s.header, Priority: t.Priority, Weight: t.Weight, Port: t.port.Port, Target: s.target(t)}
}

func (s *srvRecords) size(i int) int {
	t := &s.targets[i]
	if t.Host != "" {
		return srvSize + len(t.Host) + 2 // a length before each label, and the root
	}
	return srvSize + 1 + len(t.ID) + maxName - s.room + len(s.service) + len(s.namespace) + 2
}

func (s *srvRecords) glue(i int) []dns.RR {
	t := &s.targets[i]
	if len(t.Addresses) == 0 {
		return nil
	}
	addrs, ttl, name := distinct(t.Addresses), s.ttls.of(t.Instance), s.target(t)
	glue := make([]dns.RR, 0, len(addrs))
	for _, rrtype := range [...]uint16{dns.TypeA, dns.TypeAAAA} {
		glue = s.appendAddresses(glue, name, addrs, rrtype, ttl)
	}
	return glue
}

func (s *srvRecords) target(t *srvTarget) string {
	if t.Host != "" {
		return dns.Fqdn(t.Host)
	}
	return t.ID + s.below
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
	return &dns.TXT{Hdr: q.header(q.qname, dns.TypeTXT, q.ttls.of(in)), Txt: pairs}
}
