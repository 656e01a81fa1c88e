package roster

import (
	"github.com/miekg/dns"
)

// maxLinks bounds how many CNAMEs of the block's zones an answer has. Hosts are
// names outside, so that real chains have one.
const maxLinks = 8

// follow resolves the target of an alias as far as that is in the block's own
// zones, so that hosts there that point at each other cost no look-up. It returns
// the question and the answer at the end: the links lead there, and what the last
// target is that lies elsewhere is left to chase. Where targets lead on and on, as
// those do that lead back, the first CNAME is all of the answer.
func (r *Roster) follow(first *question, a answer) (*question, answer) {
	q := first
	var links []dns.RR
	for a.alias != "" {
		links = append(links, &dns.CNAME{Hdr: q.header(q.qname, dns.TypeCNAME, a.aliasTTL), Target: a.alias})
		if q.qtype == dns.TypeCNAME || q.qtype == dns.TypeANY || len(links) == maxLinks {
			return first, answer{exists: true, local: a.local, records: single(links[0])}
		}
		z := r.zones[r.origins.Matches(a.alias)]
		if z == nil || z.delegates(a.alias) {
			break
		}
		next := r.question(z, a.alias, q.qtype)
		next.askedBy(q.client, q.signed)
		found := next.resolve()
		found.local = found.local || a.local
		if !found.exists && r.passesOn(a.alias) {
			break
		}
		q, a = next, found
	}
	a.links = links
	return q, a
}

// passesOn reports whether a name that doesn't exist is left to the next plugin.
func (r *Roster) passesOn(name string) bool { return r.Next != nil && r.fall.Through(name) }
