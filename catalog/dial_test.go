package catalog_test

import (
	"net/netip"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

func TestDial(t *testing.T) {
	t.Parallel()
	ports := []catalog.Port{{Name: "http", Port: 8080}, {Name: "grpc", Port: 9090}, {Port: 53, Protocol: catalog.ProtocolUDP}}
	six := catalog.Instance{Addresses: []netip.Addr{netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("10.0.0.7")}, Ports: ports}
	host := catalog.Instance{Host: "db1.example.com", Ports: ports}
	quic := six
	quic.Ports = append([]catalog.Port{{Name: "http", Port: 443, Protocol: catalog.ProtocolUDP}, {Name: "game", Port: 7, Protocol: catalog.ProtocolUDP}}, ports...)
	bare := catalog.Instance{Addresses: six.Addresses}
	for _, c := range []struct {
		in             catalog.Instance
		port           string
		addrPort, dial string
	}{
		{six, "", "[2001:db8::7]:8080", "[2001:db8::7]:8080"},
		{six, "grpc", "[2001:db8::7]:9090", "[2001:db8::7]:9090"},
		{six, "https", "", ""},
		{quic, "http", "[2001:db8::7]:8080", "[2001:db8::7]:8080"},
		{quic, "game", "[2001:db8::7]:7", "[2001:db8::7]:7"},
		{host, "", "", "db1.example.com:8080"},
		{host, "grpc", "", "db1.example.com:9090"},
		{host, "https", "", ""},
		{bare, "", "", ""},
		{catalog.Instance{}, "", "", ""},
	} {
		addrPort, ok := c.in.AddrPort(c.port)
		if ok != (c.addrPort != "") || ok && addrPort.String() != c.addrPort {
			t.Errorf("AddrPort(%q) of %+v = %v, %v, want %q", c.port, c.in, addrPort, ok, c.addrPort)
		}
		if dial, ok := c.in.HostPort(c.port); ok != (c.dial != "") || dial != c.dial {
			t.Errorf("HostPort(%q) of %+v = %q, %v, want %q", c.port, c.in, dial, ok, c.dial)
		}
	}
}
