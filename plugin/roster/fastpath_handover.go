package roster

import (
	"context"
	"net"
	"reflect"
	"time"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/miekg/dns"

	"github.com/rosterdns/roster/plugin/roster/internal/batchudp"
)

const (
	// handoverQueue is how many packets wait to be taken by the server: a batch or
	// two.
	handoverQueue = 128
	// handoverTimeout is how long the end of a listener waits for the next one to serve, and
	// for queries that are under way, as CoreDNS does.
	handoverTimeout = 5 * time.Second
)

// handover has a server of CoreDNS answer packets as if it had read them itself, with
// all that this does: what is no DNS, other opcodes, TSIG, all plugins.
type handover struct {
	packets chan handedPacket
	local   net.Addr
	done    chan struct{}
}

type handedPacket struct {
	data []byte
	peer *batchudp.Peer
}

// newHandover starts a handover to a server that listens on an address.
func newHandover(server *dnsserver.Server, local net.Addr) *handover {
	h := &handover{packets: make(chan handedPacket, handoverQueue), local: local, done: make(chan struct{})}
	d := &dns.Server{
		PacketConn: handedPackets{h}, Net: "udp",
		TsigSecret: server.TsigSecret, MsgAcceptFunc: acceptFunc(server),
		Handler: dns.HandlerFunc(func(w dns.ResponseWriter, req *dns.Msg) {
			ctx := context.WithValue(context.Background(), dnsserver.Key{}, server)
			server.ServeDNS(context.WithValue(ctx, dnsserver.LoopKey{}, 0), peerWriter{w}, req)
		}),
	}
	go func() {
		defer close(h.done)
		_ = d.ActivateAndServe() // until there are no more packets
	}()
	return h
}

// take takes a packet. It waits while too many do.
func (h *handover) take(p *batchudp.Packet) {
	h.packets <- handedPacket{append([]byte(nil), p.Data...), p.Peer()}
}

// close ends the handover once all packets are answered that were taken. None is taken any more.
func (h *handover) close() { close(h.packets) }

// wait waits until the handover has ended, but not without end.
func (h *handover) wait() {
	timeout := time.NewTimer(handoverTimeout)
	defer timeout.Stop()
	select {
	case <-h.done:
	case <-timeout.C:
	}
}

// acceptFunc returns the rule by which a server takes messages, which CoreDNS doesn't
// export: plugins can have it take more opcodes.
func acceptFunc(server *dnsserver.Server) dns.MsgAcceptFunc {
	opcodes := fieldOf[map[int]struct{}](reflect.ValueOf(server).Elem(), "allowedOpcodes")
	return func(h dns.Header) dns.MsgAcceptAction {
		action := dns.DefaultMsgAcceptFunc(h)
		_, allowed := opcodes[int(h.Bits>>11)&0xf]
		switch {
		case action != dns.MsgRejectNotImplemented || !allowed:
			return action
		case h.Qdcount != 1:
			return dns.MsgReject
		}
		return dns.MsgAccept
	}
}

// handedPackets is the net.PacketConn that a server reads the packets from.
type handedPackets struct{ *handover }

// ReadFrom implements net.PacketConn.
func (h handedPackets) ReadFrom(b []byte) (int, net.Addr, error) {
	p, ok := <-h.packets
	if !ok {
		return 0, nil, net.ErrClosed
	}
	return copy(b, p.data), p.peer, nil
}

// WriteTo implements net.PacketConn.
func (h handedPackets) WriteTo(b []byte, to net.Addr) (int, error) {
	return to.(*batchudp.Peer).Write(b) // ReadFrom returns no other
}

// LocalAddr implements net.PacketConn.
func (h handedPackets) LocalAddr() net.Addr { return h.local }

// Close implements net.PacketConn.
func (handedPackets) Close() error { return nil }

// SetDeadline implements net.PacketConn.
func (handedPackets) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.PacketConn. The server has no use for one here: it
// ends with the packets.
func (handedPackets) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.PacketConn.
func (handedPackets) SetWriteDeadline(time.Time) error { return nil }
