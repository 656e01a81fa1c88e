package roster

import (
	"context"
	"math/rand/v2"

	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// responder turns answers into messages to clients.
type responder struct {
	upstream upstream
	limits
	// maxUDP is the largest answer by UDP in octets, whatever size a client states.
	maxUDP int
	// signed says that the plugin dnssec signs what is answered.
	signed bool
}

// limits are what all blocks of a Corefile share.
type limits struct {
	tcp *tcpLimits
	// chases has an element for each target that is being looked up.
	chases    chan struct{}
	packCache *packCache
}

func newLimits() limits { return limits{newTCPLimits(), make(chan struct{}, maxChases), packed} }

// reply answers a client: in its spelling of the name, within its size, in an
// order that differs each time.
func (r *responder) reply(ctx context.Context, state *request.Request, q *question, a *answer, count func(result string)) (int, error) {
	to := r.routeTo(ctx, state)
	var stream *tcpAnswer
	if !to.datagram {
		if stream = r.tcp.begin(to.w, a.count()); stream == nil {
			return dns.RcodeSuccess, nil
		}
		defer stream.end()
	}
	m, cut := r.message(ctx, state, &to, q, a)
	count(outcomeOf(m))
	truncate(m, to.size, to.datagram, cut)
	if stream != nil {
		return dns.RcodeSuccess, stream.write(func() error { return to.w.WriteMsg(m) })
	}
	return dns.RcodeSuccess, to.w.WriteMsg(m)
}

// fail answers with an error alone, and tells clients with EDNS why.
func (r *responder) fail(state *request.Request, rcode int, why *reason) (int, error) {
	m := new(dns.Msg).SetRcode(state.Req, rcode)
	if opt := optOf(state, why); opt != nil {
		m.Extra = []dns.RR{opt}
	}
	return dns.RcodeSuccess, state.W.WriteMsg(m) // the code says that something is written
}

// message turns an answer into a message that can still be too large, but not if it was
// cut.
func (r *responder) message(ctx context.Context, state *request.Request, to *route, q *question, a *answer) (m *dns.Msg, cut bool) {
	m = new(dns.Msg)
	m.SetReply(state.Req)
	m.Authoritative = true
	m.Answer = a.links
	switch {
	case !a.exists:
		m.Rcode = dns.RcodeNameError
	case a.alias != "":
		r.chase(ctx, request.Request{W: to.w, Req: state.Req}, m, a.alias)
	}
	glue := m.Extra
	m.Extra = nil
	var why *reason
	if a.stale {
		why = staleReason(m.Rcode)
	}
	if opt := optOf(state, why); opt != nil {
		m.Extra = append(m.Extra, opt)
	}
	opt := m.Extra
	q.client.addSubnet(opt, a.local)
	if a.count() > 0 {
		glue, cut = renderFor(q, to, m, a)
	} else if a.alias == "" {
		m.Ns = []dns.RR{q.soa(q.gen.Serial())}
	}
	if !q.signed && len(m.Answer) > 0 && m.Answer[0].Header().Name != m.Question[0].Name {
		spell(m.Answer, m.Answer[0].Header().Name, state.QName())
	}
	m.Extra = opt
	if len(glue) > 0 {
		m.Extra = append(glue, opt...) // OPT is the last one
	}
	return m, cut
}

// renderFor puts the records of an answer into a message, as render does. The
// plugin dnssec keeps signatures by the records in their order and spelling: what it
// signs is in the ones that are always the same.
func renderFor(q *question, to *route, m *dns.Msg, a *answer) (glue []dns.RR, cut bool) {
	var in order
	if !a.ordered && !q.signed {
		var memory [orderMemory]uint32
		// A counter would stay in step with clients that ask for A and AAAA in turn.
		in = shuffled(a.count(), to.size/fixedSize+1, memory[:], rand.Uint64())
	}
	glue, cut = render(m, a.records, &in, to.size)
	if q.signed {
		canonical(m.Answer[len(a.links):])
		canonical(glue)
	}
	return glue, cut
}

// spell gives the records of the name that was asked for, which are the first ones,
// the client's spelling of it, so that their owners are pointers to the question. The
// zone's own have the zone's.
func spell(records []dns.RR, qname, owner string) {
	for _, rr := range records {
		h := rr.Header()
		if h.Name != qname || h.Rrtype == dns.TypeSOA || h.Rrtype == dns.TypeNS {
			return
		}
		h.Name = owner
	}
}

func outcomeOf(m *dns.Msg) string {
	switch {
	case m.Rcode == dns.RcodeNameError && len(m.Answer) == 0:
		return "nxdomain"
	case len(m.Answer) == 0:
		return "nodata"
	}
	return "success"
}
