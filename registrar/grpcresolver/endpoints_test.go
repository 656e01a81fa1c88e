package grpcresolver

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/experimental/balancer/weight"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/ringhash"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/registrar"
)

func at(addresses ...string) (list []netip.Addr) {
	for _, a := range addresses {
		list = append(list, netip.MustParseAddr(a))
	}
	return list
}

// addresses returns the addresses of endpoints.
func addresses(endpoints []resolver.Endpoint) (list [][]string) {
	for _, e := range endpoints {
		var own []string
		for _, a := range e.Addresses {
			own = append(own, a.Addr)
		}
		list = append(list, own)
	}
	return list
}

func TestPorts(t *testing.T) {
	t.Parallel()
	const tcp, udp = catalog.ProtocolTCP, catalog.ProtocolUDP
	for name, tt := range map[string]struct {
		port  string
		ports []registrar.Port
		want  uint16 // 0 for none
	}{
		"the one named grpc":        {"", []registrar.Port{{Name: "http", Port: 80, Protocol: tcp}, {Name: "grpc", Port: 9000, Protocol: tcp}}, 9000},
		"the first TCP port":        {"", []registrar.Port{{Name: "quic", Port: 443, Protocol: udp}, {Name: "http", Port: 80, Protocol: tcp}, {Name: "admin", Port: 81, Protocol: tcp}}, 80},
		"the only one, unnamed":     {"", []registrar.Port{{Name: "", Port: 7000, Protocol: tcp}}, 7000},
		"one by name":               {"admin", []registrar.Port{{Name: "grpc", Port: 9000, Protocol: tcp}, {Name: "admin", Port: 81, Protocol: tcp}}, 81},
		"not one of UDP":            {"grpc", []registrar.Port{{Name: "grpc", Port: 9001, Protocol: udp}, {Name: "grpc", Port: 9000, Protocol: tcp}}, 9000},
		"no other than by name":     {"admin", []registrar.Port{{Name: "grpc", Port: 9000, Protocol: tcp}}, 0},
		"only UDP":                  {"", []registrar.Port{{Name: "grpc", Port: 9000, Protocol: udp}}, 0},
		"none":                      {"", nil, 0},
		"protocol as written first": {"", []registrar.Port{{Name: "grpc", Port: 9000, Protocol: ""}}, 9000},
	} {
		got, ok := target{port: tt.port}.choose(&registrar.Instance{Ports: tt.ports})
		if got != tt.want || ok != (tt.want != 0) {
			t.Errorf("%s: %d, %v; want %d", name, got, ok, tt.want)
		}
	}
}

func TestEndpoint(t *testing.T) {
	t.Parallel()
	ports := []registrar.Port{{Name: "grpc", Port: 9000, Protocol: catalog.ProtocolTCP}}
	service := &registrar.Service{Instances: []registrar.Instance{
		{ID: "a", Addresses: at("10.0.0.7", "2001:db8::7"), Ports: ports, Weight: 300, Locality: "az1"},
		{ID: "b", Host: "db1.example.com", Ports: ports},
	}}
	got := target{}.endpoints(service)
	want := [][]string{{"10.0.0.7:9000", "[2001:db8::7]:9000"}, {"db1.example.com:9000"}}
	if !slices.EqualFunc(addresses(got), want, slices.Equal) {
		t.Fatalf("addresses %q, want %q", addresses(got), want)
	}
	for i, weighs := range []uint32{300, catalog.DefaultWeight} {
		e, in := got[i], &service.Instances[i]
		if w := weight.FromEndpoint(e).Weight; w != weighs || ringhash.HashKey(e) != in.ID || Instance(e) != in {
			t.Errorf("%s: weight %d, hash key %q, instance %+v", in.ID, w, ringhash.HashKey(e), Instance(e))
		}
	}
	if in := Instance(resolver.Endpoint{}); in != nil {
		t.Errorf("an endpoint of others: %+v", in)
	}
}

func TestPriorities(t *testing.T) {
	t.Parallel()
	const up, down = catalog.StatusUp, catalog.StatusDown
	ports := []registrar.Port{{Port: 9000}}
	in := func(id string, priority uint16, status catalog.Status, ports []registrar.Port) registrar.Instance {
		return registrar.Instance{ID: id, Addresses: at("10.0.0.1"), Ports: ports, Priority: priority, Status: status}
	}
	for name, tt := range map[string]struct {
		instances []registrar.Instance
		want      []string
	}{
		"lowest": {[]registrar.Instance{in("a", 2, up, ports), in("b", 1, up, ports), in("c", 1, up, ports)}, []string{"b", "c"}},
		"lowest that is up": {
			[]registrar.Instance{in("a", 0, down, ports), in("b", 2, up, ports), in("c", 1, up, ports), in("d", 1, down, ports)},
			[]string{"c", "d"},
		},
		"none up":              {[]registrar.Instance{in("a", 3, down, ports), in("b", 1, down, ports)}, []string{"b"}},
		"lowest with the port": {[]registrar.Instance{in("a", 0, up, nil), in("b", 1, up, ports)}, []string{"b"}},
		"none with the port":   {[]registrar.Instance{in("a", 0, up, nil)}, nil},
	} {
		var got []string
		for _, e := range (target{}).endpoints(&registrar.Service{Instances: tt.instances}) {
			got = append(got, Instance(e).ID)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// TestAttributes: gRPC's balancers take endpoints of equal instances for equal.
func TestAttributes(t *testing.T) {
	t.Parallel()
	in := registrar.Instance{ID: "a", Addresses: at("10.0.0.1"), Tags: []string{"canary"}, Weight: 100}
	same, other := in.Clone(), in.Clone()
	other.Locality = "az1"
	e := endpoint(&in, 9000)
	if !e.Attributes.Equal(endpoint(&same, 9000).Attributes) || e.Attributes.Equal(endpoint(&other, 9000).Attributes) {
		t.Error("attributes are not equal as the instances are")
	}
	if text := e.Attributes.String(); !strings.Contains(text, `"a"`) || strings.Contains(text, "canary") {
		t.Errorf("logged as %s", text)
	}
}
