package roster

import (
	"math/rand/v2"
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
// service, without memory of their own. Of large sets that are not asked for often enough,
// no more is packed than an answer takes. All others are answered from messages.

// scratch is the memory that such an answer is made in.
type scratch struct {
	query    wire.Query
	question question
	client   client
	parser   parser
	reply    wire.Reply
	// asked is the question in wire form, where the query is a message.
	asked [wire.MaxName + 4]byte
	// key is the question with the name in lower case.
	key [wire.MaxName + 4]byte
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
	s.query, s.reply.Options = wire.Query{}, nil
	if s.question.zone != nil {
		s.question, s.parser, s.client = question{}, parser{}, client{}
	}
	scratches.Put(s)
}

// hit is a packed record set that answers a question.
type hit struct {
	*wire.Packed // nil where the name has no such records
	picking
	// unpacked is how many records the set has where it is not packed as a whole: a part
	// of it is then packed for this answer alone. Else it is 0.
	unpacked int
	// stale says that etcd is away.
	stale bool
}

// find returns the packed record set that answers the query in s of a client. It reports
// false where there is none.
func (r *Roster) find(s *scratch, from netip.Addr) (hit, bool) {
	// The status comes first, as in ServeDNS.
	stale := false
	if r.stale > 0 || !r.replica.Live() {
		status := r.replica.Status()
		if stale = status.State == mirror.Stale; !r.usable(status) {
			return hit{}, false
		}
	}
	key := s.query.AppendKey(s.key[:0])
	var h hit
	ok := true
	if h.Packed, h.picking = r.index.find(key); h.Packed == nil {
		h, ok = r.search(s, key, from)
	}
	h.stale = stale
	return h, ok
}

// search is find without the index, for what that doesn't have yet, or never has.
func (r *Roster) search(s *scratch, key []byte, from netip.Addr) (hit, bool) {
	text, ok := wire.AppendText(s.qname[:0], key)
	if !ok {
		return hit{}, false
	}
	//nolint:gosec // text is not written to before release, and what is remembered has copies
	qname := unsafe.String(unsafe.SliceData(text), len(text))
	z := r.zoneAround(qname)
	if z == nil || z.forward != nil || z.delegates(qname) {
		return hit{}, false
	}
	q := &s.question // field by field, since each value in between takes stack
	q.name = *s.parser.parse(qname, z.name)
	q.zone, q.qname, q.qtype, q.gen = z, qname, s.query.Type(), r.replica.Load()
	if !q.hot() || q.server(qname) != nil {
		return hit{}, false
	}
	q.within(&r.settings)
	if q.own == nil {
		return hit{}, false
	}
	if len(r.clients.nets) > 0 {
		s.client.locality, s.client.scope = r.clients.locate(from.Unmap().WithZone(""))
		q.client = &s.client
	}
	h, slot, ok := r.packed(q)
	if ok && slot != nil && q.own == q.answering {
		r.index.add(key, slot, h.picking)
	}
	return h, ok
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

// packed returns the packed record set that answers a hot question about a service,
// which is made where that is due. slot is its place if that is retired with the version
// of the service, so that the index can have it; else nil. It reports false where messages
// have to answer.
func (r *Roster) packed(q *question) (h hit, slot *packSlot, ok bool) {
	sq := serviceQuestion{q}
	set, remembered := sq.hotSet()
	if set == nil {
		return h, nil, false
	}
	n := int(set.count.Load())
	if n == 0 {
		return h, nil, true
	}
	var some bool
	if h.picks, some = q.limit.picks(n); some {
		if h.picker = sq.pickerOf(set, n); h.picker == nil {
			return h, nil, false // who picks records of messages makes it
		}
	}
	key := sq.packKeyOf(set)
	slot = set.packs.slot(&key)
	if remembered {
		q.answering.slots.add(slot)
	}
	if h.Packed = slot.load(); h.Packed == nil && slot.due(n) {
		h.Packed = r.packCache.pack(slot, sq.packAll)
	}
	if h.Packed == nil {
		h.unpacked = n
	}
	if h.Packed == nil || !remembered {
		slot = nil
	}
	return h, slot, true
}

// packAll packs all records that answer a hot question; nil where some are left out.
func (q serviceQuestion) packAll() *wire.Packed {
	all := *q.question
	all.limit = unlimited
	a := serviceQuestion{&all}.resolveService()
	if a.omitted > 0 {
		return nil
	}
	return pack(a.records)
}

// appendTo appends the answer to the query in s. It reports false where it has no room.
func (h *hit) appendTo(buf []byte, s *scratch) ([]byte, bool) {
	if h.stale && s.query.EDNS {
		s.reply.Options = staleOption
	}
	if h.unpacked > 0 {
		if h.Packed = (serviceQuestion{&s.question}).packPartial(s.reply.Size); h.Packed == nil {
			return buf, false
		}
	}
	if h.Packed == nil {
		return s.question.zone.negative.Append(buf, &s.query, s.question.gen.Serial(), &s.reply)
	}
	s.reply.Sampled = h.order(s)
	return h.Append(buf, &s.query, s.places, &s.reply), true
}

// count returns how many records there are.
func (h *hit) count() int {
	if h.Packed == nil {
		return h.unpacked
	}
	return h.Len()
}

// order sets the places of the records that answer, in a random order, and returns the
// one from which they are a sample.
func (h *hit) order(s *scratch) (sampled int) {
	s.places = s.places[:0]
	if h.unpacked > 0 {
		for i := range h.Len() {
			s.places = append(s.places, uint32(i))
		}
		return h.Len()
	}
	n := h.Len()
	most := min(n, h.Most(s.reply.Size))
	if h.picker != nil {
		with := samplers.Get().(*sampler)
		defer samplers.Put(with)
		s.places, sampled = with.pick(s.places, h.picker, h.picks, most)
		return sampled
	}
	o := shuffled(n, most, false, s.memory[:], rand.Uint64())
	for range most {
		s.places = append(s.places, uint32(o.next()))
	}
	return most
}

// staleOption is the Extended DNS Error of answers of which the data may have changed
// since (RFC 8914), as an option in wire form.
var staleOption = []byte{0, dns.EDNS0EDE, 0, 2, 0, byte(dns.ExtendedErrorCodeStaleAnswer)}
