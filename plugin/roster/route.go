package roster

import (
	"context"
	"net"
	"strings"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin/metrics"
	"github.com/coredns/coredns/plugin/pkg/dnstest"
	"github.com/coredns/coredns/plugin/pkg/transport"
	"github.com/coredns/coredns/plugin/tsig"
	"github.com/coredns/coredns/request"
	"github.com/miekg/dns"
)

// defaultMaxUDP is what every path takes without fragments, which get lost and can
// be forged (DNS flag day 2020). What is missing comes by TCP.
const defaultMaxUDP = 1232

// route is how an answer gets to its client.
type route struct {
	w dns.ResponseWriter
	// size is how many octets an answer can have.
	size int
	// datagram says that it goes by UDP, so that the client can ask again by TCP for
	// what is missing.
	datagram bool
}

func (r *responder) routeTo(ctx context.Context, state *request.Request) route {
	to := route{w: state.W, size: dns.MaxMsgSize}
	if state.Proto() == "udp" {
		if stream := quicWriter(ctx, state.W); stream != nil {
			to.w = stream
		} else {
			to.size, to.datagram = r.datagramSize(state), true
		}
	}
	to.size -= signatureSize(ctx)
	return to
}

// datagramSize returns how many octets an answer by UDP can have. Where that is
// less than the client states, CoreDNS is made to see it in the query, as by the
// plugin bufsize: it leaves answers uncompressed that fit so.
func (r *responder) datagramSize(state *request.Request) int {
	size := state.Size()
	if size <= r.maxUDP {
		return size
	}
	for _, req := range []*dns.Msg{state.Req, scrubbed(state.W)} {
		if req == nil {
			continue
		}
		if opt := req.IsEdns0(); opt != nil && int(opt.UDPSize()) > r.maxUDP {
			opt.SetUDPSize(uint16(r.maxUDP)) // a message has no more than 65,535
		}
	}
	return r.maxUDP
}

// signatureSize returns how many octets the plugin tsig adds to an answer, at most:
// it has taken the record away that says how the query was signed.
func signatureSize(ctx context.Context) int {
	key, signed := tsig.ValidatedKeyName(ctx)
	if !signed {
		return 0
	}
	const (
		fixed     = 10      // type, class, TTL and length
		algorithm = 26      // the longest name, hmac-md5.sig-alg.reg.int.
		data      = 16      // with lengths, without other data
		mac       = 512 / 8 // of HMAC-SHA-512
	)
	return len(key) + 1 + fixed + algorithm + data + mac
}

// quicWriter returns the writer of a client by DoQ or DoH3, or nil. These have no
// limit but that of messages (RFC 9250, 4.6), but look like UDP to CoreDNS, which
// cuts their answers: so what it puts around the writer is left out. Where another
// plugin has put something around it, to change answers or to store them, nil is
// returned.
func quicWriter(ctx context.Context, w dns.ResponseWriter) dns.ResponseWriter {
	server := metrics.WithServer(ctx)
	if !strings.HasPrefix(server, transport.QUIC+"://") && !strings.HasPrefix(server, transport.HTTPS3+"://") {
		return nil
	}
	var q quicAnswer
	for {
		switch next := w.(type) {
		case *dnsserver.DoQWriter, *dnsserver.DoHWriter:
			q.ResponseWriter = next
			return &q
		case *request.ScrubWriter:
			w = next.ResponseWriter
		case *dnstest.Recorder:
			q.recorders = append(q.recorders, next)
			w = next.ResponseWriter
		case *metrics.Recorder:
			next.SetPlugin(pluginName)
			q.recorders = append(q.recorders, next.Recorder)
			w = next.ResponseWriter
		default:
			if !isPluginWriter(w) {
				return nil
			}
			w = beneath(w)
		}
	}
}

// quicAnswer writes to a client by QUIC, past what CoreDNS puts around the writer,
// and tells those that record answers.
type quicAnswer struct {
	dns.ResponseWriter
	recorders []*dnstest.Recorder
}

// WriteMsg implements dns.ResponseWriter.
func (q *quicAnswer) WriteMsg(m *dns.Msg) error {
	for _, rec := range q.recorders {
		rec.Rcode, rec.Msg = m.Rcode, m
		rec.Len += m.Len()
	}
	return q.ResponseWriter.WriteMsg(m)
}

// RemoteAddr implements dns.ResponseWriter. A target of an alias is looked up for
// this client as for one by TCP: whole.
func (q *quicAnswer) RemoteAddr() net.Addr {
	if a, ok := q.ResponseWriter.RemoteAddr().(*net.UDPAddr); ok {
		return &net.TCPAddr{IP: a.IP, Port: a.Port, Zone: a.Zone}
	}
	return q.ResponseWriter.RemoteAddr()
}
