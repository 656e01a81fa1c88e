package health

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// Parse returns the probe of an instance that a text describes, as the command registrar
// takes it:
//
//	http://HOST:PORT/PATH    an HTTP; also https
//	tcp://HOST:PORT          a TCP
//	grpc://HOST:PORT/SERVICE a GRPC; grpcs with TLS
//	exec:COMMAND             an Exec by the shell, "sh -c"
//
// Without HOST it is the first address of the instance, or its host; PORT can be the
// name of one of its ports, and without PORT it is the first tcp port. The instance is not
// used where it isn't needed. Errors are ErrInvalid.
func Parse(text string, in *registrar.Instance) (Probe, error) {
	if command, ok := strings.CutPrefix(text, "exec:"); ok {
		if strings.TrimSpace(command) == "" {
			return nil, fmt.Errorf("check %q: %w: the command is missing", text, registrar.ErrInvalid)
		}
		return &Exec{Command: []string{"sh", "-c", command}}, nil
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		return nil, fmt.Errorf("check %q: %w: must be http://…, https://…, tcp://…, grpc://…, grpcs://… or exec:…", text, registrar.ErrInvalid)
	}
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	address, err := resolve(authority, in)
	if err != nil {
		return nil, fmt.Errorf("check %q: %w", text, err)
	}
	p, err := newProbe(scheme, address, path)
	if err != nil {
		return nil, fmt.Errorf("check %q: %w", text, err)
	}
	return p, nil
}

// newProbe returns the probe of a scheme.
func newProbe(scheme, address, path string) (Probe, error) {
	switch service := strings.TrimPrefix(path, "/"); {
	case scheme == "http" || scheme == "https":
		return newHTTP(scheme + "://" + address + path)
	case scheme == "tcp" && service == "":
		return &TCP{Address: address}, nil
	case scheme == "tcp":
		return nil, fmt.Errorf("%w: unexpected %q", registrar.ErrInvalid, path)
	case scheme == "grpc":
		return &GRPC{Address: address, Service: service}, nil
	case scheme == "grpcs":
		return &GRPC{Address: address, Service: service, TLS: &tls.Config{MinVersion: tls.VersionTLS12}}, nil
	}
	return nil, fmt.Errorf("%w: scheme %q is none of http, https, tcp, grpc, grpcs and exec", registrar.ErrInvalid, scheme)
}

// resolve returns the HOST:PORT that is meant for an instance.
func resolve(authority string, in *registrar.Instance) (string, error) {
	host, port := splitAuthority(authority)
	if host == "" {
		switch {
		case in.Host != "":
			host = in.Host
		case len(in.Addresses) > 0:
			host = in.Addresses[0].String()
		default:
			return "", fmt.Errorf("%w: there is no host, and the instance has no address", registrar.ErrInvalid)
		}
	}
	number, err := resolvePort(port, in)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(host, strconv.Itoa(int(number))), nil
}

// splitAuthority splits [HOST][:PORT]. A host that is an IPv6 address can stand in
// brackets or without.
func splitAuthority(authority string) (host, port string) {
	if a, err := netip.ParseAddr(strings.Trim(authority, "[]")); err == nil {
		return a.String(), ""
	}
	i := strings.LastIndexByte(authority, ':')
	if i < 0 {
		return authority, ""
	}
	return strings.Trim(authority[:i], "[]"), authority[i+1:]
}

// resolvePort returns the number of a port.
func resolvePort(port string, in *registrar.Instance) (uint16, error) {
	if n, err := strconv.ParseUint(port, 10, 16); err == nil && n > 0 {
		return uint16(n), nil
	}
	for _, p := range in.Ports {
		if p.Protocol != catalog.ProtocolUDP && (port == "" || p.Name == port) {
			return p.Port, nil
		}
	}
	if port == "" {
		return 0, fmt.Errorf("%w: there is no port, and the instance has no tcp port", registrar.ErrInvalid)
	}
	return 0, fmt.Errorf("%w: port %q is not a number from 1 to 65535, nor a tcp port of the instance", registrar.ErrInvalid, port)
}
