package roster

import (
	"context"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// maxChase bounds how often one query is sent through the server's own chain
// after aliases. Hosts are names outside, so that real chains of ours have one
// link; the rest leaves room for hosts that other blocks alias in turn.
const maxChase = 8

// upstream resolves names through the server's own chain.
type upstream interface {
	Lookup(ctx context.Context, state request.Request, name string, qtype uint16) (*dns.Msg, error)
}

// chase resolves the target of a CNAME through the server's own chain and adds
// what it finds to m, whose answer is the CNAME so far (RFC 1034, 4.3.2). The
// return code is that of the end of the chain (RFC 6604, 3).
func chase(ctx context.Context, u upstream, state request.Request, m *dns.Msg, target string) {
	depth, _ := ctx.Value(dnsserver.LoopKey{}).(int)
	if depth >= maxChase {
		m.Rcode = dns.RcodeServerFailure
		return
	}
	ctx = context.WithValue(ctx, dnsserver.LoopKey{}, depth+1)
	found, err := u.Lookup(ctx, state, target, state.QType())
	switch {
	case err != nil:
		m.Rcode = dns.RcodeServerFailure
	case found == nil || found.Rcode == dns.RcodeRefused:
		// No block of this server answers for the target. The client's
		// resolver does the rest.
	case found.Rcode == dns.RcodeSuccess || found.Rcode == dns.RcodeNameError:
		m.Rcode = found.Rcode
		m.Answer = append(m.Answer, found.Answer...)
		for _, rr := range found.Ns {
			if rr.Header().Rrtype == dns.TypeSOA {
				m.Ns = append(m.Ns, rr) // for negative caching (RFC 2308, 2)
			}
		}
		for _, rr := range found.Extra {
			if t := rr.Header().Rrtype; t == dns.TypeA || t == dns.TypeAAAA {
				m.Extra = append(m.Extra, rr) // glue, as of SRV targets
			}
		}
		m.Truncated = found.Truncated && state.Proto() == "udp"
	default:
		m.Rcode = dns.RcodeServerFailure
	}
}
