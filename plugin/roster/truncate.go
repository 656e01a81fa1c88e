package roster

import (
	"slices"
	"sort"

	"github.com/miekg/dns"
)

// render puts records of a set into the answer section, behind what is there, in
// an order, and returns the glue for the additional section. It stops where no
// message has room for more: work follows the size in octets of the message, not of
// the set. Then the message is too large, so that truncate sees that something is
// missing; or it fits and cut says so, where that is known without measuring names.
func render(m *dns.Msg, set recordSet, in *order, size int) (glue []dns.RR, cut bool) {
	n := set.count()
	if n == 0 {
		return nil, false
	}
	m.Compress = len(m.Answer) > 0 // without records nothing is compressed
	room := size - m.Len()
	before := len(m.Answer)
	m.Answer = slices.Grow(m.Answer, min(n, max(room, 0)/set.size(0)+1))
	var places []int
	for range n {
		i := in.next()
		rr := set.record(i)
		if room -= set.size(i); room < 0 && set.exact() && rr.Header().Name == m.Question[0].Name {
			return nil, true // glue is dropped before answers
		}
		m.Answer = append(m.Answer, rr)
		if room < 0 {
			return nil, false
		}
		if targetOf(rr) != "" { // which records of a set have all or none
			if places == nil {
				places = make([]int, 0, cap(m.Answer)-before)
			}
			places = append(places, i)
		}
	}
	if places == nil {
		return nil, false
	}
	return appendGlue(set, m.Answer[before:], places, room), false
}

// appendGlue returns the glue of the records at those places of a set, each
// target's once, until there is more than there is room for.
func appendGlue(set recordSet, records []dns.RR, places []int, room int) (glue []dns.RR) {
	var seen nameSet
	glue = make([]dns.RR, 0, len(places)+1) // most targets have one address; and OPT
	for at, i := range places {
		target := targetOf(records[at])
		if !seen.add(target) {
			continue
		}
		before := len(glue)
		glue = set.appendGlue(glue, i, target)
		for _, rr := range glue[before:] {
			room -= addressSize(rr.Header().Rrtype)
		}
		if room < 0 {
			break
		}
	}
	return glue
}

// nameSet is a set of names, which are few in most messages.
type nameSet struct {
	few  [16]string
	n    int
	many map[string]struct{}
}

// add adds a name and reports whether it was not in the set.
func (s *nameSet) add(name string) bool {
	if s.many == nil {
		if slices.Contains(s.few[:s.n], name) {
			return false
		}
		if s.n < len(s.few) {
			s.few[s.n] = name
			s.n++
			return true
		}
		s.many = make(map[string]struct{}, 4*len(s.few))
		for _, n := range s.few {
			s.many[n] = struct{}{}
		}
	}
	return firstOf(s.many, name)
}

// targetOf returns the name that a record with glue points to.
func targetOf(rr dns.RR) string {
	switch rr := rr.(type) {
	case *dns.SRV:
		return rr.Target
	case *dns.SVCB:
		return rr.Target
	case *dns.HTTPS:
		return rr.Target
	case *dns.NS:
		return rr.Ns
	}
	return ""
}

// truncate makes a message fit its size in octets by whole records: glue goes
// first, since clients can ask for it, then answers. A target's glue stays whole
// or goes (RFC 2181, 9). TC is set only where answers are missing that the client
// can ask for by TCP.
//
// CoreDNS's own scrubbing, which sets TC for glue too, then finds nothing to do.
func truncate(m *dns.Msg, size int, datagram, cut bool) {
	if cut { // and fits
		m.Compress, m.Truncated = true, m.Truncated || datagram
		return
	}
	missing := len(m.Answer) + len(m.Ns)
	extra := m.Extra
	if len(extra) > 1 { // else there is no glue
		extra = slices.Clone(extra) // Truncate writes into its own
	}
	truncated := m.Truncated
	if size < dns.MinMsgSize {
		truncateSmall(m, size)
	} else {
		m.Truncate(size)
	}
	m.Compress = true
	missing -= len(m.Answer) + len(m.Ns)
	m.Truncated = truncated || missing > 0 && datagram
	if len(m.Extra) < len(extra) {
		m.Extra = wholeGlue(extra, m.Extra)
	}
}

// truncateSmall is dns.Msg.Truncate for sizes below the least that messages have:
// those that a signature leaves.
func truncateSmall(m *dns.Msg, size int) {
	m.Compress = true
	var opt []dns.RR
	if n := len(m.Extra); n > 0 && m.Extra[n-1].Header().Rrtype == dns.TypeOPT {
		opt = m.Extra[n-1:]
	}
	glue := m.Extra[:len(m.Extra)-len(opt)]
	mostOf(len(glue), func(n int) bool {
		m.Extra = slices.Concat(glue[:n], opt)
		return m.Len() <= size
	})
	for _, section := range []*[]dns.RR{&m.Ns, &m.Answer} {
		all := *section
		mostOf(len(all), func(n int) bool {
			*section = all[:n]
			return m.Len() <= size
		})
	}
}

// mostOf calls fits with the largest number up to n for which it is true, or with
// 0, last.
func mostOf(n int, fits func(n int) bool) {
	fits(max(0, sort.Search(n+1, func(n int) bool { return !fits(n) })-1))
}

// wholeGlue returns what is left of an additional section of which the first
// records fit, and the OPT record: without those of a target of which others
// don't fit.
func wholeGlue(all, fit []dns.RR) []dns.RR {
	n := len(fit)
	opt := slices.IndexFunc(fit, func(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeOPT })
	if opt >= 0 {
		n-- // it is the last one
	}
	left := n
	for left > 0 && all[n].Header().Name == all[left-1].Header().Name {
		left--
	}
	if opt < 0 {
		return all[:left]
	}
	return append(all[:left], fit[opt])
}
