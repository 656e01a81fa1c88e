package kratos

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-kratos/kratos/v2/registry"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// Keys of metadata: kratos has no other place for a weight, and Roster none for a version.
const (
	keyWeight  = "weight"
	keyVersion = "version"
)

// toInstance translates an instance of kratos.
func toInstance(from *registry.ServiceInstance) (registrar.Instance, error) {
	in := registrar.Instance{ID: from.ID, Metadata: maps.Clone(from.Metadata)}
	if weight, err := strconv.ParseUint(in.Metadata[keyWeight], 10, 16); err == nil && weight > 0 {
		in.Weight = uint16(weight)
		delete(in.Metadata, keyWeight)
	}
	if from.Version != "" {
		if in.Metadata == nil {
			in.Metadata = map[string]string{}
		}
		in.Metadata[keyVersion] = from.Version
	}
	host := ""
	for _, e := range from.Endpoints {
		at, port, err := parseEndpoint(e)
		if err == nil && host != "" && at != host {
			err = fmt.Errorf("it is at another host than %q: an instance has one (kratos.Endpoint sets what is registered)", host)
		}
		if err != nil {
			return in, fmt.Errorf("%w endpoint %q: %w", registrar.ErrInvalid, e, err)
		}
		host = at
		in.Ports = append(in.Ports, port)
	}
	if a, err := netip.ParseAddr(host); err == nil {
		in.Addresses = []netip.Addr{a}
	} else {
		in.Host = host
	}
	return in, nil
}

// parseEndpoint returns the host of an endpoint, and its port with the scheme's name.
func parseEndpoint(endpoint string) (host string, port registrar.Port, err error) {
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", port, errors.New("it is no URL")
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	if err != nil || u.Hostname() == "" {
		return "", port, errors.New("must be SCHEME://HOST:PORT")
	}
	name := u.Scheme
	if secure, _ := strconv.ParseBool(u.Query().Get("isSecure")); secure && !strings.HasSuffix(name, "s") {
		name += "s" // as kratos has named the schemes since 2.3
	}
	return u.Hostname(), registrar.Port{Name: name, Port: uint16(n)}, nil
}

// fromService translates the instances of a service, under the name that kratos has.
func fromService(name string, service *registrar.Service) []*registry.ServiceInstance {
	name = name[strings.LastIndexByte(name, '/')+1:] // it serves kratos as the server name of TLS
	name, _, _ = strings.Cut(name, "?")
	list := make([]*registry.ServiceInstance, len(service.Instances))
	for i := range service.Instances {
		list[i] = fromInstance(name, &service.Instances[i])
	}
	return list
}

// fromInstance shares nothing with the instance, since kratos sorts what it gets.
func fromInstance(name string, in *registrar.Instance) *registry.ServiceInstance {
	to := &registry.ServiceInstance{
		ID:       in.ID,
		Name:     name,
		Version:  in.Metadata[keyVersion],
		Metadata: map[string]string{keyWeight: strconv.Itoa(int(in.Weight))},
	}
	maps.Copy(to.Metadata, in.Metadata)
	for _, p := range in.Ports {
		if p.Name == "" || p.Protocol != catalog.ProtocolTCP {
			continue
		}
		if address, ok := in.HostPort(p.Name); ok {
			to.Endpoints = append(to.Endpoints, p.Name+"://"+address)
		}
	}
	return to
}
