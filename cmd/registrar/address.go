package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/rosterdns/roster/registrar"
)

// interfaceScheme marks an --address that names a network interface.
const interfaceScheme = "iface:"

// resolveAddresses turns the values of --address into addresses, each once, in
// the order given.
func resolveAddresses(ctx context.Context, specs []string) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, spec := range specs {
		found, err := resolveAddress(ctx, spec)
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

func resolveAddress(ctx context.Context, spec string) ([]netip.Addr, error) {
	name, isInterface := strings.CutPrefix(spec, interfaceScheme)
	switch {
	case !isInterface:
		a, err := netip.ParseAddr(spec)
		if err != nil {
			return nil, fmt.Errorf("--address %q is neither an IP address nor iface:NAME: for a hostname use --host", spec)
		}
		return []netip.Addr{a}, nil
	case name == "":
		return nil, fmt.Errorf("--address %q: no such network interface", spec)
	}
	found, err := registrar.LocalAddresses(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("--address %q: %w", spec, err)
	}
	return found, nil
}

// sourceAddress returns the address that packets of this machine to the first
// endpoint that there is a route to would come from, and that endpoint. The error is
// ErrUnavailable.
func sourceAddress(ctx context.Context, endpoints []string) (netip.Addr, string, error) {
	var errs []error
	for _, endpoint := range endpoints {
		found, err := registrar.LocalAddresses(ctx, "", endpoint)
		if err == nil {
			return found[0], endpoint, nil
		}
		errs = append(errs, err)
	}
	return netip.Addr{}, "", fmt.Errorf("%w: use --address", errors.Join(errs...))
}
