package batchudp

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// controlSize has room for the larger of the two control messages that say which
// address a packet was sent to.
var controlSize = unix.CmsgSpace(unix.SizeofInet6Pktinfo)

// messages are the headers of the packets of a batch, in the form that the kernel
// takes, with room for what they point to.
type messages struct {
	headers  []unix.Mmsghdr
	vectors  []unix.Iovec
	senders  []sender
	controls []byte
	data     []byte
}

// newInbound returns messages to read into.
func newInbound(count int) *messages {
	m := newMessages(count)
	m.senders = make([]sender, count)
	m.controls = make([]byte, count*controlSize)
	m.data = make([]byte, count*PacketSize)
	for i := range m.headers {
		m.vectors[i].Base = &m.data[i*PacketSize]
		m.vectors[i].SetLen(PacketSize)
		h := &m.headers[i].Hdr
		h.Name = (*byte)(unsafe.Pointer(&m.senders[i])) // #nosec G103 -- the kernel writes no more than Namelen
		h.Control = &m.controls[i*controlSize]
		m.reset(i)
	}
	return m
}

func newMessages(count int) *messages {
	m := &messages{headers: make([]unix.Mmsghdr, count), vectors: make([]unix.Iovec, count)}
	for i := range m.headers {
		m.headers[i].Hdr.Iov = &m.vectors[i]
		m.headers[i].Hdr.SetIovlen(1)
	}
	return m
}

// reset makes room for another packet.
func (m *messages) reset(i int) {
	h := &m.headers[i].Hdr
	h.Namelen = unix.SizeofSockaddrInet6
	h.SetControllen(controlSize)
}

// take describes a packet that was read.
func (m *messages) take(i int, p *Packet) {
	h := &m.headers[i]
	start := i * controlSize
	p.Data = m.data[i*PacketSize : i*PacketSize+int(h.Len)]
	p.Cut = h.Hdr.Flags&unix.MSG_TRUNC != 0
	p.sender = m.senders[i]
	p.control = m.controls[start : start+int(h.Hdr.Controllen)]
	anyInterface(p.control)
}

// put makes message i of m an answer to a packet that was read as message j of in.
func (m *messages) put(i int, answer []byte, in *messages, j int) {
	m.vectors[i].Base = &answer[0]
	m.vectors[i].SetLen(len(answer))
	to, from := &m.headers[i].Hdr, &in.headers[j].Hdr
	to.Name, to.Namelen = from.Name, from.Namelen
	to.Control, to.Controllen = from.Control, from.Controllen
	if from.Controllen == 0 {
		to.Control = nil
	}
}

// anyInterface makes of a control message that says which address a packet was sent
// to one that sends from that address, whichever way the routes lead.
func anyInterface(control []byte) {
	const ifindex4, ifindex6 = 0, 16 // in in_pktinfo and in6_pktinfo
	if len(control) < unix.SizeofCmsghdr {
		return
	}
	h := (*unix.Cmsghdr)(unsafe.Pointer(&control[0])) // #nosec G103 -- it is as long, and as the kernel wrote it
	data := control[unix.CmsgLen(0):]
	switch {
	case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
		clear(data[ifindex4:][:4])
	case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
		clear(data[ifindex6:][:4])
	}
}
