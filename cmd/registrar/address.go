package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/rosterdns/roster/registrar"
)

// interfaceScheme marks an --address that names a network interface.
const interfaceScheme = "iface:"

// resolveAddresses turns the values of --address into addresses, each once, in
// the order given.
func resolveAddresses(specs []string) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, spec := range specs {
		found, err := resolveAddress(spec)
		if err != nil {
			return nil, err
		}
		for _, a := range found {
			if !slices.Contains(all, a) {
				all = append(all, a)
			}
		}
	}
	return all, nil
}

func resolveAddress(spec string) ([]netip.Addr, error) {
	name, isInterface := strings.CutPrefix(spec, interfaceScheme)
	if !isInterface {
		a, err := netip.ParseAddr(spec)
		if err != nil {
			return nil, fmt.Errorf("--address %q is neither an IP address nor iface:NAME: for a hostname use --host", spec)
		}
		return []netip.Addr{a}, nil
	}
	ifi, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("--address %q: no such network interface", spec)
	}
	assigned, err := ifi.Addrs()
	if err != nil {
		return nil, fmt.Errorf("--address %q: reading its addresses: %w", spec, err)
	}
	found := usableAddresses(assigned)
	if len(found) == 0 {
		return nil, fmt.Errorf("--address %q: the interface has no usable address: link-local addresses don't count", spec)
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

// sourceAddress returns the address that packets of this machine to the first
// endpoint that there is a route to would come from, and that endpoint. It
// sends none to it. The error is ErrUnavailable.
func sourceAddress(ctx context.Context, endpoints []string) (netip.Addr, string, error) {
	var errs []error
	for _, endpoint := range endpoints {
		a, err := sourceTowards(ctx, endpoint)
		if err == nil {
			return a, endpoint, nil
		}
		errs = append(errs, err)
	}
	return netip.Addr{}, "", fmt.Errorf("cannot determine this machine's address: %w: %w: use --address", registrar.ErrUnavailable, errors.Join(errs...))
}

func sourceTowards(ctx context.Context, endpoint string) (netip.Addr, error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return netip.Addr{}, err
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
