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
	tcp      *tcpLimits
}

// reply answers a client: in its spelling of the name, within its size, in an
// order that differs each time.
func (r *responder) reply(ctx context.Context, state *request.Request, q *question, a *answer, count func(result string)) (int, error) {
	var tcp *tcpAnswer
	if overTCP(state) {
		if tcp = r.tcp.begin(state.W, a.count()); tcp == nil {
			return dns.RcodeSuccess, nil
		}
		defer tcp.end()
	}
	m := r.message(ctx, state, q, a)
	count(outcomeOf(m))
	if m.Rcode == dns.RcodeServerFailure {
		return dns.RcodeServerFailure, nil
	}
	truncate(m, messageSize(state), tcp == nil)
	if tcp != nil {
		return dns.RcodeSuccess, tcp.write(m)
	}
	return dns.RcodeSuccess, state.W.WriteMsg(m)
}

// message turns an answer into a message that can still be too large.
func (r *responder) message(ctx context.Context, state *request.Request, q *question, a *answer) *dns.Msg {
	m := new(dns.Msg)
	m.SetReply(state.Req)
	m.Authoritative = true
	owner := state.QName()
	switch {
	case !a.exists:
		m.Rcode = dns.RcodeNameError
	case a.alias != "":
		m.Answer = []dns.RR{&dns.CNAME{Hdr: q.header(owner, dns.TypeCNAME, a.aliasTTL), Target: a.alias}}
		if q.qtype != dns.TypeCNAME && q.qtype != dns.TypeANY {
			chase(ctx, r.upstream, *state, m, a.alias)
		}
	}
	glue := m.Extra
	m.Extra = nil
	state.SizeAndDo(m) // adds the OPT record that belongs to the answer of a query with EDNS
	opt := m.Extra
	q.client.addSubnet(opt, a.local)
	if a.count() > 0 {
		// A counter would stay in step with clients that ask for A and AAAA in turn.
		turn := rand.Uint32()
		if a.ordered {
			turn = 0
		}
		glue = fillAnswer(m, a.records, turn, messageSize(state))
		spell(m.Answer, q.qname, owner)
	}
	if len(m.Answer) == 0 {
		m.Ns = []dns.RR{q.soa(q.gen.Serial())}
	}
	m.Extra = opt
	if len(glue) > 0 {
		m.Extra = append(glue, opt...) // OPT is the last one
	}
	return m
}

// spell gives records of the name that was asked for the client's spelling of
// it. The zone's own have the zone's.
func spell(records []dns.RR, qname, owner string) {
	if owner == qname {
		return
	}
	for _, rr := range records {
		if h := rr.Header(); h.Rrtype != dns.TypeSOA && h.Rrtype != dns.TypeNS {
			h.Name = owner
		}
	}
}

func outcomeOf(m *dns.Msg) string {
	switch {
	case m.Rcode == dns.RcodeNameError && len(m.Answer) == 0:
		return "nxdomain"
	case m.Rcode == dns.RcodeServerFailure:
		return "servfail"
	case len(m.Answer) == 0:
		return "nodata"
	}
	return "success"
}
