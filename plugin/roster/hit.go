package roster

import (
	"net/netip"
	"strings"
	"sync"
	"unsafe"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/plugin/roster/internal/wire"
)

// Most questions are for the addresses, targets and endpoints of a service that exists.
// Their answers are made of record sets that are packed once for each version of the
// service, without memory of their own. All others are answered from messages.

// scratch is the memory that such an answer is made in.
type scratch struct {
	query    wire.Query
	question question
	client   client
	parser   parser
	reply    wire.Reply
	// asked is the question in wire form, where the query is a message.
	asked [wire.MaxName + 4]byte
	// qname is the name in lower case, to which names refer.
	qname  [wire.MaxName]byte
	memory [orderMemory]uint32
	places []uint32
	// buf has room for datagrams.
	buf []byte
}

var scratches = sync.Pool{New: func() any { return &scratch{buf: make([]byte, 0, dns.DefaultMsgSize)} }}

// release gives the memory back, without what it refers to.
func (s *scratch) release() {
	s.question, s.query, s.reply, s.client = question{}, wire.Query{}, wire.Reply{}, client{}
	s.parser = parser{}
	scratches.Put(s)
}

// hit is a packed record set that answers a question.
type hit struct {
	*wire.Packed
	// stale says that etcd is away.
	stale bool
}

// find returns the packed record set that answers the query in s, which comes from an
// address. It reports false where there is none.
func (r *Roster) find(s *scratch, from netip.Addr) (hit, bool) {
	lower, ok := wire.AppendLower(s.qname[:0], s.query.Question)
	if !ok {
		return hit{}, false
	}
	qname := unsafe.String(unsafe.SliceData(lower), len(lower)) // until release
	z := r.zoneAround(qname)
	if z == nil || z.forward != nil || z.delegates(qname) {
		return hit{}, false
	}
	// The status comes first, as in ServeDNS.
	status := r.replica.Status()
	if !r.usable(status) {
		return hit{}, false
	}
	q := &s.question
	*q = question{name: *s.parser.parse(qname, z.name), zone: z, qname: qname, qtype: s.query.Type(), gen: r.replica.Load()}
	if !q.hot() || q.server(qname) != nil {
		return hit{}, false
	}
	q.within(&r.settings)
	if q.own == nil {
		return hit{}, false
	}
	if len(r.clients.nets) > 0 {
		s.client.locality, s.client.scope = r.clients.locate(from)
		q.client = &s.client
	}
	p := r.packed(q)
	return hit{p, status.State == mirror.Stale}, p != nil
}

// zoneAround returns the zone that a name in lower case and without escapes is in.
func (r *Roster) zoneAround(qname string) *zone {
	var in string
	for _, o := range r.origins {
		if len(o) > len(in) && isBelow(qname, o) {
			in = o
		}
	}
	return r.zones[in]
}

// isBelow reports whether a name is a zone's or below it.
func isBelow(qname, zone string) bool {
	return strings.HasSuffix(qname, zone) && (len(qname) == len(zone) || zone == "." || qname[len(qname)-len(zone)-1] == '.')
}

// hot reports whether a question is of those whose answers are packed.
func (q *question) hot() bool {
	switch q.qtype {
	case dns.TypeSRV:
		return q.kind == kindPort || q.kind == kindService || q.kind == kindSelection
	case dns.TypeA, dns.TypeAAAA, dns.TypeSVCB, dns.TypeHTTPS:
		return q.kind == kindService || q.kind == kindSelection
	}
	return false
}

// packed returns the packed record set that answers a hot question about a service, or
// nil: it is made where it is due.
func (r *Roster) packed(q *question) *wire.Packed {
	sq := serviceQuestion{q}
	packs, key, n := sq.packs()
	if packs == nil {
		return nil
	}
	if _, some := q.limit.picks(n); some {
		return nil
	}
	slot := packs.slot(&key)
	if p := slot.load(); p != nil {
		return p
	}
	if !slot.due(n) {
		return nil
	}
	a := sq.resolveService()
	if a.alias != "" || a.count() == 0 || a.omitted > 0 {
		return nil
	}
	p, ok := pack(a.records)
	if !ok {
		return nil
	}
	r.packCache.store(slot, p)
	return p
}

// packs returns the packed forms of the record set of n records that answers a hot
// question, and the key of the one that does; nil where it isn't remembered.
func (q serviceQuestion) packs() (p *packs, key packKey, n int) {
	s, _ := q.selected(q.answering)
	key.rrtype = q.qtype
	var ttl ownTTLs
	switch {
	case s.passing:
		return nil, key, 0
	case q.kind == kindPort:
		set := s.port(q.portKey())
		if set == nil {
			return nil, key, 0
		}
		srv := set.srvSet()
		p, ttl, n = &srv.packs, srv.ttl, len(srv.targets)
	case s.soleHost() != nil:
		return nil, key, 0
	case q.qtype == dns.TypeA || q.qtype == dns.TypeAAAA:
		set := s.addressSet(q.qtype)
		key.ttl = q.ttls.ofSet(set.ttl)
		return &set.packs, key, len(set.addresses)
	case q.qtype == dns.TypeSRV:
		srv := s.srvSet()
		p, ttl, n = &srv.packs, srv.ttl, len(srv.targets)
	default:
		set := s.svcbSet()
		p, ttl, n = &set.packs, set.ttl, len(set.targets)
	}
	key.zone, key.ttl, key.glue = q.zone.name, q.ttls.ofSet(ttl), q.block.ttls.under(q.answering.service.Policy())
	return p, key, n
}

// appendTo appends the answer to the query in s.
func (h *hit) appendTo(buf []byte, s *scratch, seed uint64) []byte {
	n := h.Len()
	most := min(n, h.Most(s.reply.Size))
	o := shuffled(n, most, s.memory[:], seed)
	s.places = s.places[:0]
	for range most {
		s.places = append(s.places, uint32(o.next()))
	}
	if h.stale && s.query.EDNS {
		s.reply.Options = staleOption
	}
	return h.Append(buf, &s.query, s.places, &s.reply)
}

// staleOption is the Extended DNS Error of answers of which the data may have changed
// since (RFC 8914), as an option in wire form.
var staleOption = []byte{0, dns.EDNS0EDE, 0, 2, 0, byte(dns.ExtendedErrorCodeStaleAnswer)}
