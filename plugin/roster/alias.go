package roster

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

const (
	// maxChase bounds how often one query is sent through the server's own chain
	// after aliases: once for each block of hosts that point to another block's.
	maxChase = 8
	// chaseTimeout leaves time to try a second resolver where the first is silent,
	// for which forward waits two seconds, and ends before clients give up: most
	// wait five.
	chaseTimeout = 3 * time.Second
	// maxChases is how many targets are looked up at a time. Where each takes 20 ms
	// that is 50,000 a second, and where no resolver answers it bounds what waits.
	maxChases = 1000
)

// upstream resolves names through the server's own chain.
type upstream interface {
	Lookup(ctx context.Context, state request.Request, name string, qtype uint16) (*dns.Msg, error)
}

// chasedKey is for the names, in a context, that led to a query that chase sends.
type chasedKey struct{}

// chase resolves the target of the last CNAME in m through the server's own chain
// and adds what it finds to m, whose answer is the CNAMEs so far (RFC 1034,
// 4.3.2). The return code is that of the end of the chain (RFC 6604, 3). Where the
// target can't be resolved m is left as it is, for the client's resolver to go on
// from.
func (r *responder) chase(ctx context.Context, state request.Request, m *dns.Msg, target string) {
	select {
	case r.chases <- struct{}{}:
		defer func() { <-r.chases }()
	default:
		chases.WithLabelValues("busy").Inc()
		return
	}
	found := r.lookUp(ctx, state, m.Answer, target)
	if found == nil {
		chases.WithLabelValues("unresolved").Inc()
		return
	}
	chases.WithLabelValues("resolved").Inc()
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
}

// lookUp returns what the server's own chain answers about a target, or nil where
// that resolves nothing: no block answers for it, it fails, or it leads back to one
// of the names that led there, among them those of the links.
func (r *responder) lookUp(ctx context.Context, state request.Request, links []dns.RR, target string) *dns.Msg {
	names, _ := ctx.Value(chasedKey{}).([]string)
	names = slices.Clip(names)
	for _, rr := range links {
		names = append(names, rr.Header().Name)
	}
	depth, _ := ctx.Value(dnsserver.LoopKey{}).(int)
	if depth >= maxChase || slices.Contains(names, target) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, chaseTimeout)
	defer cancel()
	ctx = context.WithValue(ctx, chasedKey{}, names)
	ctx = context.WithValue(ctx, dnsserver.LoopKey{}, depth+1)
	found, err := r.upstream.Lookup(ctx, state, target, state.QType())
	if err != nil || found == nil || found.Rcode != dns.RcodeSuccess && found.Rcode != dns.RcodeNameError {
		return nil
	}
	if n := len(found.Answer); n > 0 {
		if last, ok := found.Answer[n-1].(*dns.CNAME); ok && slices.Contains(names, strings.ToLower(last.Target)) {
			return nil
		}
	}
	return found
}
