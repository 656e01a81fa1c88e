package health

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// Spec says in a text how instances are probed, as the command registrar takes it:
//
//	http://HOST:PORT/PATH    an HTTP; also https
//	tcp://HOST:PORT          a TCP
//	grpc://HOST:PORT/SERVICE a GRPC; grpcs with TLS
//	exec:COMMAND             an Exec by the shell, "sh -c"
//
// Without HOST it is the first address of the instance, or its host; PORT can be the
// name of one of its ports, and without PORT it is the first tcp port. The zero value is
// not usable.
type Spec struct{ text, scheme, authority, path string }

// schemeExec is the one that no address follows.
const schemeExec = "exec"

// ParseSpec parses a text. The error is ErrInvalid.
func ParseSpec(text string) (Spec, error) {
	if command, ok := strings.CutPrefix(text, schemeExec+":"); ok {
		if strings.TrimSpace(command) == "" {
			return Spec{}, fmt.Errorf("check %q: %w: the command is missing", text, registrar.ErrInvalid)
		}
		return Spec{text: text, scheme: schemeExec, path: command}, nil
	}
	scheme, rest, _ := strings.Cut(text, "://")
	authority, path := rest, ""
	if i := strings.IndexAny(rest, "/?"); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	switch scheme {
	case "http", "https", "grpc", "grpcs":
	case "tcp":
		if strings.Trim(path, "/") != "" {
			return Spec{}, fmt.Errorf("check %q: %w: unexpected %q", text, registrar.ErrInvalid, path)
		}
	default:
		return Spec{}, fmt.Errorf("check %q: %w: must be http://…, https://…, tcp://…, grpc://…, grpcs://… or exec:…", text, registrar.ErrInvalid)
	}
	return Spec{text: text, scheme: scheme, authority: authority, path: path}, nil
}

// String returns the text.
func (s Spec) String() string { return s.text }

// Probe returns the probe of an instance. The error is ErrInvalid: the instance lacks the
// port or an address.
func (s Spec) Probe(in *registrar.Instance) (Probe, error) {
	if s.scheme == schemeExec {
		return &Exec{Command: []string{"sh", "-c", s.path}}, nil
	}
	address, err := resolve(s.authority, in)
	if err != nil {
		return nil, fmt.Errorf("check %q: %w", s.text, err)
	}
	service := strings.TrimPrefix(s.path, "/")
	switch s.scheme {
	case "tcp":
		return &TCP{Address: address}, nil
	case "grpc":
		return &GRPC{Address: address, Service: service}, nil
	case "grpcs":
		return &GRPC{Address: address, Service: service, TLS: &tls.Config{MinVersion: tls.VersionTLS12}}, nil
	}
	target := s.scheme + "://" + address + s.path
	if _, err := url.Parse(target); err != nil {
		return nil, fmt.Errorf("check %q: %w: %w", s.text, registrar.ErrInvalid, err)
	}
	return &HTTP{URL: target}, nil
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
