package catalog

import (
	"net"
	"net/netip"
	"strconv"
)

// PortNamed returns the instance's port with a name, the TCP one if there are two; where the
// name is empty its first port. It reports false where there is none.
func (in *Instance) PortNamed(name string) (found Port, ok bool) {
	for _, p := range in.Ports {
		switch {
		case name == "" || p.Name == name && p.Protocol != ProtocolUDP:
			return p, true
		case p.Name == name:
			found, ok = p, true
		}
	}
	return found, ok
}

// AddrPort returns the instance's first address with its port of a name, the TCP one if
// there are two, or its first port where the name is empty. It reports false where there is no such port, and for
// an instance with a host in place of addresses.
func (in *Instance) AddrPort(name string) (netip.AddrPort, bool) {
	p, ok := in.PortNamed(name)
	if !ok || len(in.Addresses) == 0 {
		return netip.AddrPort{}, false
	}
	return netip.AddrPortFrom(in.Addresses[0], p.Port), true
}

// HostPort is AddrPort in the form "host:port" for net.Dial, with the host of an
// instance that has one.
func (in *Instance) HostPort(name string) (string, bool) {
	if a, ok := in.AddrPort(name); ok {
		return a.String(), true
	}
	p, ok := in.PortNamed(name)
	if !ok || in.Host == "" {
		return "", false
	}
	return net.JoinHostPort(in.Host, strconv.Itoa(int(p.Port))), true
}
