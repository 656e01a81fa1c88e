package roster

import (
	"slices"

	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// maxUDP is the largest answer by UDP in octets, whatever size the client states:
// the one that RFC 6891, 6.2.5, calls a good compromise. An IPv4 datagram has no
// room for more than 65,507, and each further fragment is one more that can be
// lost or forged. What is missing comes by TCP.
const maxUDP = 4096

// messageSize returns the size in octets that the answer to a query can have.
func messageSize(state *request.Request) int {
	size := state.Size()
	if size > maxUDP && state.Proto() == "udp" {
		return maxUDP
	}
	return size
}

// fillAnswer puts records of a set into the answer section, beginning with another
// one each turn, and returns the glue for the additional section. It stops once the
// message is larger than size octets, so that work follows the size of the message
// rather than of the set, and truncate sees that something is missing.
func fillAnswer(m *dns.Msg, set recordSet, turn uint32, size int) (glue []dns.RR) {
	n := set.count()
	if n == 0 {
		return nil
	}
	at := func(i int) int { return int((uint64(turn) + uint64(i)) % uint64(n)) }
	room := size - m.Len()
	m.Answer = make([]dns.RR, 0, min(n, max(room, 0)/set.size(at(0))+1))
	for i := range n {
		m.Answer = append(m.Answer, set.record(at(i)))
		if room -= set.size(at(i)); room < 0 {
			return nil // glue is dropped before answers
		}
	}
	// Records with one target are side by side, but for those of the first one,
	// which come last too where the turn begins between them, and for those that
	// were picked, which have no other turn than 0.
	var first, last string
	for i := range n {
		target := targetOf(m.Answer[i])
		if target == "" || target == first || target == last || turn == 0 && slices.ContainsFunc(glue, func(rr dns.RR) bool { return rr.Header().Name == target }) {
			continue
		}
		if first == "" {
			first = target
		}
		last = target
		before := len(glue)
		glue = set.appendGlue(glue, at(i))
		for _, rr := range glue[before:] {
			room -= addressSize(rr.Header().Rrtype)
		}
		if room < 0 {
			break
		}
	}
	return glue
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
// or goes (RFC 2181, 9). TC is set only where answers are missing, and not on
// TCP, where asking again would change nothing.
//
// CoreDNS's own scrubbing, which sets TC for glue too, then finds nothing to do.
func truncate(m *dns.Msg, size int, udp bool) {
	missing := len(m.Answer) + len(m.Ns)
	extra := slices.Clone(m.Extra) // Truncate writes into its own
	truncated := m.Truncated
	m.Truncate(size)
	m.Compress = true
	missing -= len(m.Answer) + len(m.Ns)
	m.Truncated = truncated || missing > 0 && udp
	if len(m.Extra) < len(extra) {
		m.Extra = wholeGlue(extra, m.Extra)
	}
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
