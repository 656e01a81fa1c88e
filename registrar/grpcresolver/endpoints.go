package grpcresolver

import (
	"cmp"
	"net"
	"net/netip"
	"slices"
	"strconv"

	"google.golang.org/grpc/experimental/balancer/weight"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/ringhash"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

// defaultPort is the name of the port where a target names none.
const defaultPort = "grpc"

// endpoints returns the endpoints of a service, which can be nil, in the order of its
// instances.
func (t target) endpoints(service *registrar.Service) (endpoints []resolver.Endpoint) {
	if service == nil {
		return nil
	}
	lowest := t.priority(service)
	for i := range service.Instances {
		in := &service.Instances[i]
		if port, ok := t.choose(in); ok && in.Priority == lowest {
			endpoints = append(endpoints, endpoint(in, port))
		}
	}
	return endpoints
}

// priority returns the lowest priority value of an instance with the port that is up;
// where none is up, of one that isn't.
func (t target) priority(service *registrar.Service) (lowest uint16) {
	found, up := false, false
	for i := range service.Instances {
		in := &service.Instances[i]
		if _, ok := t.choose(in); !ok {
			continue
		}
		if !found || in.Up() && !up || in.Up() == up && in.Priority < lowest {
			lowest, up, found = in.Priority, in.Up(), true
		}
	}
	return lowest
}

// choose returns the instance's TCP port with the target's name; where that names none, the
// one with the default name, else the first.
func (t target) choose(in *registrar.Instance) (port uint16, ok bool) {
	name := t.port
	if name == "" {
		name = defaultPort
	}
	for _, p := range in.Ports {
		switch {
		case p.Protocol == catalog.ProtocolUDP:
		case p.Name == name:
			return p.Port, true
		case t.port == "" && !ok:
			port, ok = p.Port, true
		}
	}
	return port, ok
}

// endpoint returns an instance as gRPC has it.
func endpoint(in *registrar.Instance, port uint16) resolver.Endpoint {
	e := resolver.Endpoint{}
	for _, a := range in.Addresses {
		e.Addresses = append(e.Addresses, resolver.Address{Addr: netip.AddrPortFrom(a, port).String()})
	}
	if in.Host != "" {
		e.Addresses = []resolver.Address{{Addr: net.JoinHostPort(in.Host, strconv.Itoa(int(port)))}}
	}
	e = weight.Set(e, weight.EndpointInfo{Weight: uint32(cmp.Or(in.Weight, catalog.DefaultWeight))})
	e = ringhash.SetHashKey(e, in.ID)
	e.Attributes = e.Attributes.WithValue(instanceKey{}, instance{in})
	return e
}

func firstAddresses(endpoints []resolver.Endpoint) []resolver.Address {
	list := make([]resolver.Address, len(endpoints))
	for i, e := range endpoints {
		list[i] = e.Addresses[0]
	}
	return list
}

// equalEndpoints compares what endpoints are made of.
func equalEndpoints(a, b resolver.Endpoint) bool {
	return slices.EqualFunc(a.Addresses, b.Addresses, resolver.Address.Equal) && Instance(a).Equal(Instance(b))
}
