package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// instanceFlags describe one instance on the command line.
type instanceFlags struct {
	instance  registrar.Instance
	addresses []string // IP or iface:NAME, resolved when the instance is made

	set   *pflag.FlagSet
	names []string
}

// add defines the flags.
func (f *instanceFlags) add(fs *pflag.FlagSet) {
	f.set = fs
	in := &f.instance
	before := map[string]bool{}
	fs.VisitAll(func(flag *pflag.Flag) { before[flag.Name] = true })

	fs.Func("port", "a port as `[NAME:]PORT[/PROTO]`, such as http:8080 or dns:53/udp; repeatable", func(s string) error {
		p, err := parsePort(s)
		in.Ports = append(in.Ports, p)
		return err
	})
	fs.StringArrayVar(&f.addresses, "address", nil, "an `IP` address, or iface:NAME for all usable addresses of a network interface; repeatable (default: the source address towards the endpoint)")
	fs.Var(text{&in.Host}, "host", "a `HOSTNAME` outside the registry, instead of addresses")
	label := func(name, usage string, set func(string)) {
		fs.Func(name, usage, func(s string) error { set(s); return catalog.CheckLabel(name, s) })
	}
	label("id", "the instance's `ID`, a DNS label (default: derived from the first address and port)", func(s string) { in.ID = s })
	fs.Func("weight", fmt.Sprintf("share of traffic among instances of equal priority, `1..65535` (default %d)", catalog.DefaultWeight), func(s string) (err error) {
		in.Weight, err = parseNumber[uint16](s, 1)
		return err
	})
	fs.Func("priority", "`0..65535`, lower is preferred (default 0)", func(s string) (err error) {
		in.Priority, err = parseNumber[uint16](s, 0)
		return err
	})
	label("tag", "a `TAG`, a DNS label; repeatable", func(s string) { in.Tags = append(in.Tags, s) })
	fs.Func("meta", "metadata as `KEY=VALUE`; repeatable", func(s string) error {
		key, value, err := parseMeta(s)
		if err != nil {
			return err
		}
		if _, twice := in.Metadata[key]; twice {
			return fmt.Errorf("key %q is given twice", key)
		}
		if in.Metadata == nil {
			in.Metadata = map[string]string{}
		}
		in.Metadata[key] = value
		return nil
	})
	label("locality", "the `LOCALITY` of the instance, a DNS label", func(s string) { in.Locality = s })
	fs.Func("ttl", "TTL of its DNS records in whole `SECONDS` (default: the DNS server's)", func(s string) (err error) {
		if in.TTL, err = parseNumber[uint32](s, 1); err != nil {
			return fmt.Errorf("%w: give seconds without a unit", err)
		}
		return nil
	})

	fs.VisitAll(func(flag *pflag.Flag) {
		if !before[flag.Name] {
			f.names = append(f.names, flag.Name)
		}
	})
}

// given returns the first flag of an instance that was given, or "".
func (f *instanceFlags) given() string {
	for _, name := range f.names {
		if f.set.Changed(name) {
			return "--" + name
		}
	}
	return ""
}

// service makes a service of one instance of the flags. notef gets remarks for
// the user.
func (f *instanceFlags) service(ctx context.Context, name registrar.ServiceName, endpoints []string, notef func(string, ...any)) (*registrar.Service, error) {
	in := f.instance.Clone()
	if len(in.Ports) == 0 {
		return nil, usagef("registering %v: missing --port: at least one is required, such as --port http:8080", name)
	}
	switch {
	case in.Host != "" && len(f.addresses) > 0:
		return nil, usagef("--host and --address cannot be used together: an instance has either a hostname or addresses")
	case in.Host != "":
	case len(f.addresses) > 0:
		var err error
		if in.Addresses, err = resolveAddresses(ctx, f.addresses); err != nil {
			return nil, &usageError{err}
		}
	default:
		source, endpoint, err := sourceAddress(ctx, endpoints)
		if err != nil {
			return nil, err
		}
		if source.IsLoopback() {
			notef("the source address towards %s is %s, which only this machine can reach: use --address to register another one", endpoint, source)
		}
		in.Addresses = append(in.Addresses, source)
	}
	return &registrar.Service{Namespace: name.Namespace, Name: name.Service, Instances: []registrar.Instance{in}}, nil
}

// parsePort reads [NAME:]PORT[/PROTO].
func parsePort(s string) (registrar.Port, error) {
	rest, protocol, hasProtocol := strings.Cut(s, "/")
	if !hasProtocol {
		protocol = catalog.ProtocolTCP
	}
	name, number, named := strings.Cut(rest, ":")
	if !named {
		name, number = "", rest
	}
	if named && name == "" {
		return registrar.Port{}, fmt.Errorf("%q has no name before ':': use [NAME:]PORT[/PROTO]", s)
	}
	if err := catalog.CheckPortName("name", name); err != nil {
		return registrar.Port{}, err
	}
	if protocol != catalog.ProtocolTCP && protocol != catalog.ProtocolUDP {
		return registrar.Port{}, fmt.Errorf("protocol %q is neither tcp nor udp", protocol)
	}
	port, err := parseNumber[uint16](number, 1)
	if err != nil {
		return registrar.Port{}, err
	}
	return registrar.Port{Name: name, Port: port, Protocol: protocol}, nil
}

// formatPort is the opposite of parsePort.
func formatPort(p registrar.Port) string {
	s := strconv.Itoa(int(p.Port)) + "/" + p.Protocol
	if p.Name != "" {
		s = p.Name + ":" + s
	}
	return s
}

// parseMeta reads KEY=VALUE. A value can hold '='; a key can't.
func parseMeta(s string) (key, value string, err error) {
	key, value, found := strings.Cut(s, "=")
	if !found || key == "" {
		return "", "", fmt.Errorf("%q is not KEY=VALUE", s)
	}
	return key, value, nil
}

// parseNumber reads a whole number from low up to what T holds.
func parseNumber[T uint16 | uint32](s string, low T) (T, error) {
	high := ^T(0)
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil || n < uint64(low) || n > uint64(high) {
		return 0, fmt.Errorf("%q is not a whole number from %d to %d", s, low, high)
	}
	return T(n), nil
}
