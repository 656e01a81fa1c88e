package roster

import (
	"strings"

	"github.com/miekg/dns"
)

// pointers is a PTR record set. It is for one answer.
type pointers struct {
	header dns.RR_Header
	n      int
	// below says that the names are the owner and one label before it.
	below bool
	// name returns the name that record i points to.
	name func(i int) string
	// label is the length of the first label of the name that was made last.
	label int
}

func (p *pointers) count() int { return p.n }

func (p *pointers) record(i int) dns.RR {
	name := p.name(i)
	p.label = strings.IndexByte(name, '.')
	return &dns.PTR{Hdr: p.header, Ptr: name}
}

// size is that of the record made last: names can be compressed to their first label,
// which they don't have in common, and two octets.
func (p *pointers) size(int) int { return fixedSize + 1 + p.label + 2 }

func (p *pointers) exact() bool { return p.below }

func (p *pointers) appendGlue(glue []dns.RR, _ int, _ string) []dns.RR { return glue }

// pointTo returns the PTR records for n names.
func (q *question) pointTo(n int, ttl uint32, name func(i int) string) answer {
	return answer{exists: true, records: &pointers{header: q.header(q.qname, dns.TypePTR, ttl), n: n, name: name}}
}

// pointBelow returns the PTR records for n names that are a label each, below the name
// asked for.
func (q *question) pointBelow(n int, ttl uint32, label func(i int) string) answer {
	a := q.pointTo(n, ttl, func(i int) string { return label(i) + "." + q.qname })
	a.records.(*pointers).below = true
	return a
}
