// Package batchudp reads and writes UDP packets in batches, by sockets of its own that
// share an address with a socket of somebody else: all are in one group of SO_REUSEPORT,
// where a program in the kernel steers packets to these. It knows nothing of what packets
// hold. It works on Linux only.
package batchudp

import (
	"net"
	"net/netip"
)

// PacketSize is how many octets of a packet are read: what every DNS server has to
// take, and what the one of CoreDNS takes. The rest is cut off.
const PacketSize = 512

// Handler is what a group does with packets. Its methods are called by several
// goroutines, for the packets of a batch one after the other.
type Handler interface {
	// Answer makes the answer to a packet, in buf or elsewhere; it must not change
	// until the batch is written. An empty one is not sent. Where ok is false the packet is
	// handed over, once the answers of its batch are written. p must not be
	// kept.
	Answer(p *Packet, buf []byte) (answer []byte, ok bool)
	// HandOver takes a packet that is not answered at once. p must not be
	// kept. No packet is read from the same socket until it returns.
	HandOver(p *Packet)
}

// Packet is a packet as it was received.
type Packet struct {
	Data []byte
	// Cut says that the packet was longer than PacketSize.
	Cut bool

	sender  sender
	conn    *net.UDPConn
	control []byte
}

// From returns the sender of the packet, an IPv4 address never as one of IPv6.
func (p *Packet) From() netip.AddrPort { return p.sender.addrPort() }

// Peer returns the sender as one that can be answered later.
func (p *Packet) Peer() *Peer {
	return &Peer{UDPAddr: net.UDPAddrFromAddrPort(p.From()), conn: p.conn, control: append([]byte(nil), p.control...)}
}

// Peer is the sender of a packet. It is safe for concurrent use.
type Peer struct {
	*net.UDPAddr
	conn    *net.UDPConn
	control []byte // says from which of the host's addresses to answer
}

// Unwrap returns the address as what it is. CoreDNS looks for it so.
func (p *Peer) Unwrap() net.Addr { return p.UDPAddr }

// Write sends a packet to the peer, from the address that its own packet was sent to.
func (p *Peer) Write(b []byte) (int, error) {
	n, _, err := p.conn.WriteMsgUDP(b, p.control, p.UDPAddr)
	return n, err
}
