package roster

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"

	"github.com/coredns/coredns/plugin/metrics"
	"github.com/coredns/coredns/plugin/pkg/edns"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/plugin/roster/internal/wire"
)

// serveRaw answers a query from a packed record set, by octets that go past what looks
// at messages. It reports false where there is none, or something does look.
func (r *Roster) serveRaw(ctx context.Context, w dns.ResponseWriter, req *dns.Msg) (bool, error) {
	s := scratches.Get().(*scratch)
	defer s.release()
	if !s.take(req) || !writesOctets(w) {
		return false, nil
	}
	remote, ok := remoteOf(w)
	if !ok {
		return false, nil
	}
	h, ok := r.find(s, remote.addr)
	if !ok {
		return false, nil
	}
	s.reply.Size, s.reply.Datagram, s.reply.UDPSize = dns.MaxMsgSize, remote.datagram, s.query.UDPSize
	if remote.datagram {
		s.reply.Size, s.reply.UDPSize = r.datagram(&s.query)
	}
	var stream *tcpAnswer
	if !remote.datagram {
		if stream = r.tcp.begin(w, h.Len()); stream == nil {
			return true, nil
		}
		defer stream.end()
	}
	buf := h.appendTo(s.buf[:0], s, rand.Uint64())
	if cap(buf) <= dns.DefaultMsgSize {
		s.buf = buf
	}
	r.counters.of(metrics.WithServer(ctx)).success.Inc()
	if stream != nil {
		return true, stream.write(func() error { return writeOctets(w, buf) })
	}
	return true, writeOctets(w, buf)
}

func writeOctets(w dns.ResponseWriter, message []byte) error {
	_, err := w.Write(message)
	return err
}

// take takes the query of a message, and reports whether it is one that packed record
// sets can answer: without what the answer would have to return.
func (s *scratch) take(req *dns.Msg) bool {
	if req.Opcode != dns.OpcodeQuery || len(req.Question) != 1 || len(req.Extra) > 1 || len(req.Answer)+len(req.Ns) > 0 {
		return false
	}
	asked := &req.Question[0]
	if asked.Qclass != dns.ClassINET {
		return false
	}
	q := &s.query
	q.ID, q.RD, q.CD = req.Id, req.RecursionDesired, req.CheckingDisabled
	var ok bool
	if q.Question, ok = wire.AppendQuestion(s.asked[:0], asked.Name, asked.Qtype); !ok {
		return false
	}
	if len(req.Extra) == 0 {
		return true
	}
	opt, ok := req.Extra[0].(*dns.OPT)
	if !ok {
		return false
	}
	for _, o := range opt.Option {
		if isEchoed(o.Option()) {
			return false
		}
	}
	q.EDNS, q.UDPSize, q.DO = true, opt.UDPSize(), opt.Do()
	return opt.Version() == 0
}

// isEchoed reports whether an answer can depend on an option of a query.
func isEchoed(option uint16) bool { return option == dns.EDNS0SUBNET || edns.SupportedOption(option) }

// datagram returns how many octets an answer to a query by UDP can have, and the size
// that it states.
func (r *responder) datagram(q *wire.Query) (size int, stated uint16) {
	size = dns.MinMsgSize
	if q.EDNS {
		size = max(size, int(q.UDPSize))
	}
	if size > r.maxUDP {
		return r.maxUDP, uint16(r.maxUDP)
	}
	return size, q.UDPSize
}

// remote is where a query comes from.
type remote struct {
	addr     netip.Addr
	datagram bool
}

// remoteOf returns who a writer writes to, where that is an address as it is.
func remoteOf(w dns.ResponseWriter) (remote, bool) {
	switch a := w.RemoteAddr().(type) {
	case *net.UDPAddr:
		return remote{a.AddrPort().Addr().Unmap().WithZone(""), true}, true
	case *net.TCPAddr:
		return remote{a.AddrPort().Addr().Unmap().WithZone(""), false}, true
	}
	return remote{}, false
}
