package main

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/rosterdns/roster/registrar"
)

// TestByFlag is of fault 26: what is wrong with a flag names the flag, and not the member
// of a JSON that the user has not written.
func TestByFlag(t *testing.T) {
	t.Parallel()
	good := registrar.Instance{Addresses: []netip.Addr{netip.MustParseAddr("10.0.0.7")}, Ports: []registrar.Port{{Port: 80, Protocol: "tcp"}}}
	for want, spoil := range map[string]func(*registrar.Instance){
		"--port 81/tcp: name is missing for more than one tcp port: name the ports, such as --port web:81/tcp": func(in *registrar.Instance) {
			in.Ports = append(in.Ports, registrar.Port{Port: 81, Protocol: "tcp"})
		},
		`--port http:81/tcp: name "http" is used twice for tcp`: func(in *registrar.Instance) {
			in.Ports = []registrar.Port{{Name: "http", Port: 80, Protocol: "tcp"}, {Name: "http", Port: 81, Protocol: "tcp"}}
		},
		`--address "224.0.0.1" is a multicast address`: func(in *registrar.Instance) { in.Addresses[0] = netip.MustParseAddr("224.0.0.1") },
		`--tag "A" is not a DNS label`:                 func(in *registrar.Instance) { in.Tags = []string{"A"} },
		"--meta has ":                                  func(in *registrar.Instance) { in.Metadata = map[string]string{"a": "", "A": ""} },
		`--locality "A" is not a DNS label`:            func(in *registrar.Instance) { in.Locality = "A" },
		"; --tag ":                                     func(in *registrar.Instance) { in.Tags, in.Locality = []string{"A"}, "B" },
	} {
		in := good.Clone()
		spoil(&in)
		f := instanceFlags{instance: in}
		_, err := f.at(registrar.ServiceName{Namespace: "default", Service: "orders"}, in.Addresses)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "instances[") {
			t.Errorf("error %v, want %q", err, want)
		}
		if code := classify(err).code; code != exitUsage {
			t.Errorf("exit code %d, want %d: %v", code, exitUsage, err)
		}
	}
}
