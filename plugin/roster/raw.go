package roster

import (
	"context"
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
	if !writesOctets(w) {
		return false, nil
	}
	s := scratches.Get().(*scratch)
	defer s.release()
	if !s.take(req) {
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
	r.addressed(s, remote)
	var stream *tcpAnswer
	if !remote.datagram {
		if stream = r.tcp.begin(w, h.count()); stream == nil {
			return true, nil
		}
		defer stream.end()
	}
	buf, ok := h.appendTo(s.buf[:0], s)
	if !ok {
		return false, nil
	}
	if cap(buf) <= dns.DefaultMsgSize {
		s.buf = buf
	}
	r.counters.of(metrics.WithServer(ctx)).count(h.count())
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

// addressed says in s how large the answer can be that goes to a client.
func (r *responder) addressed(s *scratch, to remote) {
	s.reply.Size, s.reply.Datagram, s.reply.UDPSize = dns.MaxMsgSize, to.datagram, s.query.UDPSize
	if !to.datagram {
		return
	}
	s.reply.Size = dns.MinMsgSize
	if s.query.EDNS {
		s.reply.Size = max(s.reply.Size, int(s.query.UDPSize))
	}
	if s.reply.Size > r.maxUDP {
		s.reply.Size, s.reply.UDPSize = r.maxUDP, uint16(r.maxUDP)
	}
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
		return remote{a.AddrPort().Addr(), true}, true
	case *net.TCPAddr:
		return remote{a.AddrPort().Addr(), false}, true
	}
	return remote{}, false
}
