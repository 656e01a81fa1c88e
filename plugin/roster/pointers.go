package roster

import (
	"github.com/miekg/dns"
)

// pointers is a PTR record set.
type pointers struct {
	header dns.RR_Header
	n      int
	// name returns the name that record i points to.
	name func(i int) string
}

func (p *pointers) count() int          { return p.n }
func (p *pointers) record(i int) dns.RR { return &dns.PTR{Hdr: p.header, Ptr: p.name(i)} }

// size: names can be compressed to a label and what the question has.
func (p *pointers) size(int) int { return fixedSize + 2 }

func (p *pointers) appendGlue(glue []dns.RR, _ int, _ string) []dns.RR { return glue }

// pointTo returns the PTR records for n names.
func (q *question) pointTo(n int, ttl uint32, name func(i int) string) answer {
	return answer{exists: true, records: &pointers{q.header(q.qname, dns.TypePTR, ttl), n, name}}
}
