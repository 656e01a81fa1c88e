package registrar

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
)

// LocalAddresses returns addresses of this machine to register, as the command
// registrar finds them. Those of a network interface are all that mean something beyond
// its link. Where the name of the interface is empty it is the one address that packets
// to the first of the endpoints come from that there is a route to; they are URLs, as
// WithEndpoints takes them, and none is sent a packet. It can be an address of the
// loopback interface, which only this machine can reach.
//
// Errors are ErrInvalid if neither an interface nor an endpoint is given, or none of the
// endpoints is a URL with a host and a port; ErrNotFound if
// there is no such interface or it has no usable address; ErrUnavailable if there is no
// route, with ctx's error if that ended the search. A later call can succeed, except
// after ErrInvalid.
func LocalAddresses(ctx context.Context, networkInterface string, endpoints ...string) ([]netip.Addr, error) {
	if networkInterface != "" {
		return interfaceAddresses(networkInterface)
	}
	var errs []error
	for _, endpoint := range endpoints {
		a, err := sourceTowards(ctx, endpoint)
		if err == nil {
			return []netip.Addr{a}, nil
		}
		errs = append(errs, err)
	}
	if len(endpoints) == 0 {
		return nil, fmt.Errorf("registrar: %w: neither a network interface nor an endpoint is given", ErrInvalid)
	}
	why := errors.Join(errs...)
	if slices.ContainsFunc(errs, func(err error) bool { return !errors.Is(err, ErrInvalid) }) {
		why = fmt.Errorf("%w: %w", ErrUnavailable, why)
	}
	return nil, fmt.Errorf("registrar: cannot determine this machine's address: %w", why)
}

func interfaceAddresses(name string) ([]netip.Addr, error) {
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("registrar: network interface %q: %w", name, ErrNotFound)
	}
	assigned, err := ifi.Addrs()
	if err != nil {
		return nil, fmt.Errorf("registrar: network interface %q: reading its addresses: %w: %w", name, ErrNotFound, err)
	}
	found := usableAddresses(assigned)
	if len(found) == 0 {
		return nil, fmt.Errorf("registrar: network interface %q: usable address %w: link-local addresses don't count", name, ErrNotFound)
	}
	return found, nil
}

// usableAddresses returns those of an interface's addresses that mean something
// beyond its link.
func usableAddresses(assigned []net.Addr) []netip.Addr {
	var found []netip.Addr
	for _, a := range assigned {
		ipnet, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		addr, ok := netip.AddrFromSlice(ipnet.IP)
		addr = addr.Unmap()
		if ok && !addr.IsLinkLocalUnicast() && !addr.IsMulticast() && !addr.IsUnspecified() {
			found = append(found, addr)
		}
	}
	return found
}

// sourceTowards returns the address that packets to an endpoint come from.
func sourceTowards(ctx context.Context, endpoint string) (netip.Addr, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Port() == "" {
		return netip.Addr{}, fmt.Errorf("%w endpoint %q: must be SCHEME://HOST:PORT", ErrInvalid, endpoint)
	}
	// Connecting a UDP socket makes the kernel choose a route and nothing else.
	var d net.Dialer
	conn, err := d.DialContext(ctx, "udp", u.Host)
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close()
	local, err := netip.ParseAddrPort(conn.LocalAddr().String())
	if err != nil {
		return netip.Addr{}, err
	}
	a := local.Addr().Unmap()
	if a.IsLinkLocalUnicast() {
		return netip.Addr{}, fmt.Errorf("the source address towards %s is %s, which is link-local", endpoint, a)
	}
	return a, nil
}
