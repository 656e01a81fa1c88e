package roster

import (
	"net"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/plugin/roster/internal/batchudp"
)

// peerWriter shows the address of a client as what CoreDNS and plugins look for.
type peerWriter struct{ dns.ResponseWriter }

// RemoteAddr implements dns.ResponseWriter.
func (w peerWriter) RemoteAddr() net.Addr {
	if p, ok := w.ResponseWriter.RemoteAddr().(*batchudp.Peer); ok {
		return p.UDPAddr
	}
	return w.ResponseWriter.RemoteAddr()
}
