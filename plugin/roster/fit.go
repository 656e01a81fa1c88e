package roster

import (
	"sort"

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

// fit makes a message fit its size by whole records: glue goes first,
// since clients can ask for it, then answers. TC is set only where answers are
// missing (RFC 2181, 9), and not on TCP, where asking again would change
// nothing. It adds the OPT record that belongs to the answer of a query with
// EDNS, as the last one.
//
// CoreDNS's own scrubbing, which sets TC for glue too, then finds nothing to do.
func fit(m *dns.Msg, state *request.Request) {
	m.Compress = true
	answers, glue := m.Answer, m.Extra
	m.Extra = nil
	state.SizeAndDo(m)
	opt := m.Extra
	size := messageSize(state)
	build := func(a, g int) {
		m.Answer = answers[:a]
		m.Extra = append(append(make([]dns.RR, 0, g+len(opt)), glue[:g]...), opt...)
	}
	build(len(answers), len(glue))
	if m.Len() <= size {
		return
	}
	// The length grows with the number of records: search for the most.
	if g := most(len(glue), func(n int) bool { build(len(answers), n); return m.Len() <= size }); g >= 0 {
		build(len(answers), g)
		return
	}
	a := most(len(answers), func(n int) bool { build(n, 0); return m.Len() <= size })
	build(max(a, 0), 0)
	m.Truncated = state.Proto() == "udp"
}

// most returns the largest n from 0 to limit that fits, or -1 if none does.
// fits must be monotonic.
func most(limit int, fits func(n int) bool) int {
	return sort.Search(limit+1, func(n int) bool { return !fits(n) }) - 1
}
