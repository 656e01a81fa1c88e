package roster

import (
	"net/netip"

	"github.com/coredns/coredns/plugin/pkg/edns"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/mirror"
)

// malformed reports whether a query breaks a rule of which whoever sends it must
// learn. CoreDNS turns down other versions of EDNS by itself, and by all of its
// transports messages with more than one question.
func malformed(req *dns.Msg) bool {
	if len(req.Question) != 1 { // RFC 9619
		return true
	}
	options := 0
	for _, rr := range req.Extra {
		opt, ok := rr.(*dns.OPT)
		if !ok {
			continue
		}
		options++
		for _, o := range opt.Option {
			if subnet, ok := o.(*dns.EDNS0_SUBNET); ok && !wellFormed(subnet) {
				return true
			}
		}
	}
	return options > 1 // RFC 6891, 6.1.1
}

// wellFormed reports whether a client subnet is as queries have it: without a
// scope, and with no bit set beyond its length (RFC 7871, 6). The families, and
// that the lengths are theirs, are checked where the message is read.
func wellFormed(subnet *dns.EDNS0_SUBNET) bool {
	if subnet.SourceScope != 0 {
		return false
	}
	a, ok := netip.AddrFromSlice(subnet.Address)
	if !ok || subnet.Family == 0 {
		return subnet.SourceNetmask == 0 // nothing is told (RFC 7871, 7.1.2)
	}
	if subnet.Family == 1 {
		a = a.Unmap()
	}
	p, err := a.Prefix(int(subnet.SourceNetmask))
	return err == nil && p.Addr() == a
}

// reason is an Extended DNS Error (RFC 8914).
type reason struct {
	code uint16
	text string
}

// reasonOf returns why there is nothing to answer from, or too little. What is
// older than stale allows is invalid data, of which that RFC gives a zone that
// has expired as the example: the codes about other servers, 22 and 23, are a
// resolver's.
func reasonOf(state mirror.State) *reason {
	if state == mirror.Unsynced {
		return &reason{dns.ExtendedErrorCodeNotReady, "no list from etcd yet"}
	}
	return &reason{dns.ExtendedErrorCodeInvalidData, "no contact with etcd for longer than stale allows"}
}

// staleReason returns what an answer with the code says of data that may have
// changed since.
func staleReason(rcode int) *reason {
	if rcode == dns.RcodeNameError {
		return &reason{code: dns.ExtendedErrorCodeStaleNXDOMAINAnswer}
	}
	return &reason{code: dns.ExtendedErrorCodeStaleAnswer}
}

// optOf returns the OPT record of the answer to a query, without or with a
// reason, or nil to a query without EDNS.
func optOf(state *request.Request, why *reason) *dns.OPT {
	asked := state.Req.IsEdns0()
	if asked == nil {
		return nil
	}
	opt := &dns.OPT{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeOPT}}
	opt.SetUDPSize(asked.UDPSize()) // as CoreDNS does
	if asked.Do() {
		opt.SetDo()
	}
	for _, o := range asked.Option {
		// What plugins have asked CoreDNS to echo. A client subnet would say that
		// the answer was made for it.
		if o.Option() != dns.EDNS0SUBNET && edns.SupportedOption(o.Option()) {
			opt.Option = append(opt.Option, o)
		}
	}
	if why != nil {
		opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: why.code, ExtraText: why.text})
	}
	return opt
}
