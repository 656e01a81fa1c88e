package roster

import (
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/services"
)

// packedAnswer returns what serveRaw would write to a client at an address, or nil. A
// set that is large is packed for it as if it were asked for often, in half of all cases.
func packedAnswer(tb testing.TB, r *Roster, req *dns.Msg, tcp bool, from netip.Addr) []byte {
	tb.Helper()
	s := scratches.Get().(*scratch)
	defer s.release()
	if !s.take(req) {
		return nil
	}
	to := remote{from, !tcp}
	h, ok := r.find(s, to.addr)
	if q := &s.question; ok && h.unpacked > 0 && rand.IntN(2) == 0 {
		sq := serviceQuestion{q}
		if set, _ := sq.hotSet(); set.count.Load() > 0 {
			key := sq.packKeyOf(set)
			set.packs.slot(&key).missed.Store(math.MaxUint32 / 2)
			h, ok = r.find(s, to.addr)
		}
	}
	if !ok {
		return nil
	}
	r.addressed(s, to)
	wire, ok := h.appendTo(nil, s)
	if !ok {
		return nil
	}
	return wire
}

// datagramAnswer returns what the fast path would write to a client at an address, or nil.
func datagramAnswer(r *Roster, req *dns.Msg, from netip.Addr) []byte {
	packet, err := req.Pack()
	if err != nil {
		return nil
	}
	wire, ok := r.answerDatagram(nil, packet, from, r.counters.of("dns://compared"))
	if !ok {
		return nil
	}
	return wire
}

// comparePacked compares an answer made of messages with the one in wire form, if there is
// one, in the chain and on the fast path. They are equal but for the order of records, and
// if not all fit for which ones are there. The message was made of a generation: an answer
// made of another one is not compared with it.
func comparePacked(tb testing.TB, r *Roster, gen *services.Generation, req *dns.Msg, tcp bool, want *dns.Msg) {
	tb.Helper()
	if opt := req.IsEdns0(); r.signed && opt != nil && opt.Do() {
		return // dnssec has a writer that needs messages
	}
	from := netip.MustParseAddr("10.240.0.1") // as plugintest.ResponseWriter
	if wire := packedAnswer(tb, r, req, tcp, from); wire != nil {
		compareOctets(tb, r, gen, req, wire, want)
	}
	if wire := datagramAnswer(r, req, from); wire != nil && !tcp {
		compareOctets(tb, r, gen, req, wire, want)
	}
}

// compareOctets compares an answer that was packed of octets with one that was a message.
func compareOctets(tb testing.TB, r *Roster, gen *services.Generation, req *dns.Msg, wire []byte, want *dns.Msg) {
	tb.Helper()
	got := new(dns.Msg)
	if err := got.Unpack(wire); err != nil {
		tb.Fatalf("unpacking the packed answer to %v: %v\n%x", req.Question, err, wire)
	}
	differs := func(what string) {
		tb.Helper()
		if r.replica.Load() != gen {
			return
		}
		tb.Fatalf("%v: %s differs: packed:\n%v\nas a message:\n%v", req.Question, what, got, want)
	}
	if got.MsgHdr != want.MsgHdr || !slices.Equal(got.Question, want.Question) {
		differs("the header or question")
	}
	sections := func(m *dns.Msg) (glue []dns.RR, opt string) {
		if n := len(m.Extra); n > 0 && m.Extra[n-1].Header().Rrtype == dns.TypeOPT {
			return m.Extra[:n-1], m.Extra[n-1].String()
		}
		return m.Extra, ""
	}
	gotGlue, gotOPT := sections(got)
	wantGlue, wantOPT := sections(want)
	if gotOPT != wantOPT {
		differs("the OPT record")
	}
	if !slices.Equal(texts(got.Ns), texts(want.Ns)) {
		differs("the authority section")
	}
	all, picked := everything(r, req)
	if picked {
		if len(got.Answer) != len(want.Answer) && !want.Truncated {
			differs("the number of records")
		}
		return
	}
	compareSection(all.Answer, got.Answer, want.Answer, differs)
	compareSection(all.Extra, gotGlue, wantGlue, differs)
}

// compareSection compares records of which not all can be there.
func compareSection(all, got, want []dns.RR, differs func(string)) {
	switch {
	case len(want) == len(all) || len(got) == len(all):
		if !slices.Equal(texts(got), texts(want)) {
			differs("a whole section")
		}
	default:
		whole := texts(all)
		for _, text := range texts(got) {
			if _, found := slices.BinarySearch(whole, text); !found {
				differs("what a record is")
			}
		}
	}
}

// everything returns the whole answer to a query, and whether max_answers leaves a part
// of it.
func everything(r *Roster, req *dns.Msg) (m *dns.Msg, picked bool) {
	qname := dns.CanonicalName(req.Question[0].Name)
	a := r.question(r.zones[r.origins.Matches(qname)], qname, req.Question[0].Qtype).resolve()
	m = new(dns.Msg).SetReply(req)
	if a.count() > 0 {
		var in order
		m.Extra, _ = render(m, a.records, &in, 1<<30)
		spell(m.Answer, qname, req.Question[0].Name)
	}
	return m, a.ordered
}
