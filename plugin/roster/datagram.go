package roster

import "net/netip"

// answerDatagram appends to buf the answer to a query that came by UDP from an address,
// and counts it: the one that ServeDNS would write. It reports false where the answer is
// for the server to find. It allocates nothing if buf has room for an answer of max_udp
// octets, and keeps neither; but what of a large set is packed for this answer alone.
func (r *Roster) answerDatagram(buf, query []byte, from netip.Addr, count *serverCounters) (answer []byte, ok bool) {
	s := scratches.Get().(*scratch)
	defer s.release()
	if !s.query.Parse(query, isSkipped) {
		return buf, false
	}
	h, ok := r.find(s, from)
	if !ok {
		return buf, false
	}
	r.addressed(s, remote{from, true})
	if answer, ok = h.appendTo(buf, s); ok {
		count.count(h.count())
	}
	return answer, ok
}

// isSkipped reports whether an option of a query plays no part in its answer.
func isSkipped(option uint16) bool { return !isEchoed(option) }
