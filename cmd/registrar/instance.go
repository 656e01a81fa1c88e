package main

import (
	"fmt"
	"net/netip"

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
	before := map[string]bool{}
	fs.VisitAll(func(flag *pflag.Flag) { before[flag.Name] = true })
	f.addPlace(fs)
	f.addTraits(fs)
	fs.VisitAll(func(flag *pflag.Flag) {
		if !before[flag.Name] {
			f.names = append(f.names, flag.Name)
		}
	})
}

// addPlace defines the flags that say where an instance is.
func (f *instanceFlags) addPlace(fs *pflag.FlagSet) {
	in := &f.instance
	fs.Func("port", "a port as `[NAME:]PORT[/PROTO]`, such as http:8080 or dns:53/udp; repeatable", func(s string) error {
		p, err := parsePort(s)
		in.Ports = append(in.Ports, p)
		return err
	})
	fs.StringArrayVar(&f.addresses, "address", nil, "an `IP` address, or iface:NAME for all usable addresses of a network interface, which are followed; repeatable (default: the source address towards the endpoint, which is followed too)")
	fs.Var(text{&in.Host}, "host", "a `HOSTNAME` outside the registry, instead of addresses")
}

// addTraits defines the other flags of an instance.
func (f *instanceFlags) addTraits(fs *pflag.FlagSet) {
	in := &f.instance
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
	fs.Func("meta", "metadata as `KEY=VALUE`; repeatable", f.addMeta)
	label("locality", "the `LOCALITY` of the instance, a DNS label", func(s string) { in.Locality = s })
	fs.Func("ttl", "TTL of its DNS records in whole `SECONDS` (default: the DNS server's)", func(s string) (err error) {
		if in.TTL, err = parseNumber[uint32](s, 1); err != nil {
			return fmt.Errorf("%w: give seconds without a unit", err)
		}
		return nil
	})
}

// addMeta takes a value of --meta.
func (f *instanceFlags) addMeta(s string) error {
	in := &f.instance
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

// check finds what is missing, or too much.
func (f *instanceFlags) check(name registrar.ServiceName) error {
	switch {
	case len(f.instance.Ports) == 0:
		return usagef("registering %v: missing --port: at least one is required, such as --port http:8080", name)
	case f.instance.Host != "" && len(f.addresses) > 0:
		return usagef("--host and --address cannot be used together: an instance has either a hostname or addresses")
	}
	return nil
}

// at makes a service of one instance of the flags, at addresses unless it has a host,
// ready to be registered. The error is ErrInvalid and names the flags at fault.
func (f *instanceFlags) at(name registrar.ServiceName, addresses []netip.Addr) ([]*registrar.Service, error) {
	in := f.instance.Clone()
	in.Addresses = addresses
	s := &registrar.Service{Namespace: name.Namespace, Name: name.Service, Instances: []registrar.Instance{in}}
	services, err := prepareAll([]*registrar.Service{s}, name.Namespace)
	if err != nil {
		return nil, fmt.Errorf("registering %v: %w", name, byFlag(err, &in))
	}
	return services, nil
}
