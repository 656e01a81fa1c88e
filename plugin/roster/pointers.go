package roster

import (
	"strings"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/catalog"
)

// pointers is a PTR record set. It is for one answer.
type pointers struct {
	header dns.RR_Header
	n      int
	// write appends the name that record i points to, and returns the octets that it
	// takes in a message, at least.
	write func(text *strings.Builder, i int) int
	// compressed says that write returns no less than what the name takes.
	compressed bool
	// last is what write returned last.
	last int
	// batch is memory for records to come, and text for their names.
	batch []dns.PTR
	text  strings.Builder
}

// pointerBatch is for how many records memory is taken at once: as many as most lists
// have, and a sixth of what a datagram has room for.
const pointerBatch = 16

// A compression pointer (RFC 1035, 4.1.4) takes pointerSize octets, and points to an offset
// below pointerRange.
const (
	pointerSize  = 2
	pointerRange = 1 << 14
)

func (p *pointers) count() int { return p.n }

func (p *pointers) record(i int) dns.RR {
	if len(p.batch) == 0 {
		p.batch = make([]dns.PTR, min(p.n, pointerBatch))
		p.text.Reset()
		const label = 16 // octets that most first labels have room in
		p.text.Grow(len(p.batch) * (label + len(p.header.Name)))
	}
	rr := &p.batch[0]
	p.batch = p.batch[1:]
	start := p.text.Len()
	p.last = p.write(&p.text, i)
	rr.Hdr, rr.Ptr = p.header, p.text.String()[start:]
	return rr
}

// size is that of the record made last.
func (p *pointers) size(int) int { return fixedSize + p.last }

func (p *pointers) exact() bool { return p.compressed }

func (p *pointers) appendGlue(glue []dns.RR, _ int, _ string) []dns.RR { return glue }

// pointTo returns the PTR records. Of more than an answer has room for, neighbours are
// answered: those are what lists find quickly.
func (q *question) pointTo(ttl uint32, p pointers) answer {
	p.header = q.header(q.qname, dns.TypePTR, ttl)
	return answer{exists: true, records: &p, neighbours: true}
}

// pointToNames returns the PTR records for names. They can be compressed to their first
// labels, which they don't have in common.
func (q *question) pointToNames(names []string, ttl uint32) answer {
	return q.pointTo(ttl, pointers{n: len(names), write: func(text *strings.Builder, i int) int {
		text.WriteString(names[i])
		return labelSize(strings.IndexByte(names[i], '.')) + pointerSize
	}})
}

// pointBelow returns the PTR records for n names that are a label each, below the name
// asked for.
func (q *question) pointBelow(n int, ttl uint32, label func(i int) string) answer {
	return q.pointTo(ttl, pointers{n: n, compressed: true, write: func(text *strings.Builder, i int) int {
		l := label(i)
		text.WriteString(l)
		text.WriteByte('.')
		text.WriteString(q.qname)
		return labelSize(len(l)) + pointerSize
	}})
}

// pointToPorts returns the PTR records for n named ports of a domain.
func (q *question) pointToPorts(n int, ttl uint32, port func(i int) portKey, domain string) answer {
	known := map[string]struct{}{catalog.ProtocolUDP: {}} // as part of the name asked for
	at := headerSize + len(q.qname) + 1 + 4               // where the next record begins: after the question
	return q.pointTo(ttl, pointers{n: n, compressed: true, write: func(text *strings.Builder, i int) int {
		k := port(i)
		k.writeLabels(text)
		text.WriteByte('.')
		text.WriteString(domain)
		name := labelSize(len("_") + len(k.name))
		size := name + pointerSize
		if _, ok := known[k.protocol]; !ok {
			size += labelSize(len("_") + len(k.protocol))
			if at+fixedSize+name < pointerRange { // else nothing can point to it
				known[k.protocol] = struct{}{}
			}
		}
		at += fixedSize + size
		return size
	}})
}

// labelSize returns how many octets a label of that length takes in a message.
func labelSize(length int) int { return 1 + length }
