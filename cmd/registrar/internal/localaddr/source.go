package localaddr

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// InterfaceScheme marks an address that names a network interface.
const InterfaceScheme = "iface:"

// Source is where the addresses of an instance come from. The zero value is not usable;
// see Machine.Source. It is safe for concurrent use.
type Source struct {
	machine   Machine
	specs     []string
	endpoints []string
}

// Source returns the source of addresses that are given as an IP address or as
// iface:NAME for the usable addresses of a network interface. Without any it is the
// source address of packets to the first of the endpoints, URLs, that there is a route
// to. The error says which is neither.
func (m Machine) Source(specs, endpoints []string) (*Source, error) {
	for _, spec := range specs {
		if name, ok := strings.CutPrefix(spec, InterfaceScheme); ok {
			if name == "" {
				return nil, fmt.Errorf("%q: no such network interface", spec)
			}
			continue
		}
		if _, err := netip.ParseAddr(spec); err != nil {
			return nil, fmt.Errorf("%q is neither an IP address nor iface:NAME: for a hostname use --host", spec)
		}
	}
	return &Source{m, specs, endpoints}, nil
}

// Fixed returns the addresses if they can't change.
func (s *Source) Fixed() (addresses []netip.Addr, fixed bool) {
	for _, spec := range s.specs {
		a, err := netip.ParseAddr(spec)
		if err != nil {
			return nil, false
		}
		addresses = add(addresses, a)
	}
	return addresses, len(s.specs) > 0
}

// Found is what a Source has found.
type Found struct {
	// Addresses are in the order of the source, each once.
	Addresses []netip.Addr
	// Towards is the endpoint of which the address is the source address; empty for
	// addresses that were given.
	Towards string
	// Missing is what has no address at the moment.
	Missing []Missing
}

// Missing is a part of a Source that has no address at the moment.
type Missing struct {
	// Spec is as it was given; empty for the source address towards the endpoints.
	Spec string
	// Err is the error of registrar.LocalAddresses.
	Err error
}

// Equal reports whether both have the same addresses, and miss the same. Why something
// is missing doesn't count: the texts of name servers' errors differ each time.
func (f Found) Equal(other Found) bool {
	return f.Towards == other.Towards && slices.Equal(f.Addresses, other.Addresses) &&
		slices.EqualFunc(f.Missing, other.Missing, func(a, b Missing) bool { return a.Spec == b.Spec })
}

// Err returns why addresses are missing; nil if none is.
func (f Found) Err() error {
	var errs []error
	for _, m := range f.Missing {
		if m.Spec == "" {
			errs = append(errs, fmt.Errorf("%w: use --address", m.Err))
		} else {
			errs = append(errs, fmt.Errorf("--address %q: %w", m.Spec, m.Err))
		}
	}
	return errors.Join(errs...)
}

// find looks the addresses up. Only where there are none given, and an endpoint has a
// name, it asks the network, at most until ctx is done.
func (s *Source) find(ctx context.Context) Found {
	if len(s.specs) == 0 {
		return s.findTowards(ctx)
	}
	var f Found
	for _, spec := range s.specs {
		found, err := s.findOne(ctx, spec)
		if err != nil {
			f.Missing = append(f.Missing, Missing{spec, err})
		}
		f.Addresses = add(f.Addresses, found...)
	}
	return f
}

func (s *Source) findOne(ctx context.Context, spec string) ([]netip.Addr, error) {
	name, ok := strings.CutPrefix(spec, InterfaceScheme)
	if !ok {
		a, err := netip.ParseAddr(spec)
		return []netip.Addr{a}, err
	}
	found, err := s.machine.Lookup(ctx, name)
	if err != nil {
		return nil, withInterfaces(err, name)
	}
	return found, nil
}

// withInterfaces adds to the error of an interface that doesn't exist which ones do.
func withInterfaces(err error, name string) error {
	all, listErr := net.Interfaces()
	if listErr != nil || len(all) == 0 {
		return err
	}
	names := make([]string, len(all))
	for i := range all {
		if all[i].Name == name {
			return err
		}
		names[i] = all[i].Name
	}
	return fmt.Errorf("%w: there are %s", err, strings.Join(names, ", "))
}

// findTowards finds the address that packets to the first endpoint come from that there
// is a route to.
func (s *Source) findTowards(ctx context.Context) Found {
	var errs []error
	for _, endpoint := range s.endpoints {
		found, err := s.machine.Lookup(ctx, "", endpoint)
		if err == nil {
			return Found{Addresses: found, Towards: endpoint}
		}
		errs = append(errs, err)
	}
	return Found{Missing: []Missing{{Err: errors.Join(errs...)}}}
}

// add appends those that are not there yet.
func add(to []netip.Addr, more ...netip.Addr) []netip.Addr {
	for _, a := range more {
		if !slices.Contains(to, a) {
			to = append(to, a)
		}
	}
	return to
}
