package catalog_test

import (
	"net/netip"
	"reflect"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

func TestStableID(t *testing.T) {
	t.Parallel()
	ports := func(ns ...uint16) (ps []catalog.Port) {
		for _, n := range ns {
			ps = append(ps, catalog.Port{Port: n, Protocol: "tcp"})
		}
		return ps
	}
	// The IDs of hosts are from sha256sum of "db1.example.com:5432" and "db1.example.com:0".
	tests := []struct {
		name string
		in   catalog.Instance
		want string
	}{
		{"IPv4", catalog.Instance{Addresses: addrs("10.0.0.7"), Ports: ports(8080)}, "10-0-0-7-8080"},
		{"IPv4 without port", catalog.Instance{Addresses: addrs("10.0.0.7")}, "10-0-0-7"},
		{"first address, first port", catalog.Instance{Addresses: addrs("10.0.0.7", "10.0.0.1"), Ports: ports(8080, 80)}, "10-0-0-7-8080"},
		{"IPv6 in full", catalog.Instance{Addresses: addrs("2001:db8::7"), Ports: ports(443)}, "2001-0db8-0000-0000-0000-0000-0000-0007-443"},
		{"IPv6 without port", catalog.Instance{Addresses: addrs("::1")}, "0000-0000-0000-0000-0000-0000-0000-0001"},
		{"longest", catalog.Instance{Addresses: addrs("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"), Ports: ports(65535)}, "2001-0db8-ffff-ffff-ffff-ffff-ffff-ffff-65535"},
		{"host", catalog.Instance{Host: "db1.example.com", Ports: ports(5432, 80)}, "h-ed3cca5d4b9dcaec"},
		{"host in another spelling", catalog.Instance{Host: "DB1.Example.com.", Ports: ports(5432)}, "h-ed3cca5d4b9dcaec"},
		{"host without port", catalog.Instance{Host: "db1.example.com"}, "h-e00252e779af4a17"},
		{"nothing", catalog.Instance{Ports: ports(80)}, ""},
		{"no IP", catalog.Instance{Addresses: make([]netip.Addr, 1), Ports: ports(80)}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			before := tt.in.Clone()
			got := tt.in.StableID()
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got != "" {
				wantFault(t, catalog.CheckLabel("id", got), "")
			}
			if !reflect.DeepEqual(tt.in, before) {
				t.Errorf("the instance was changed to %+v", tt.in)
			}
			other := tt.in.Clone()
			other.Weight, other.Priority, other.TTL, other.Tags, other.Status, other.Static = 7, 7, 7, []string{"t"}, "down", true
			if id := other.StableID(); id != got {
				t.Errorf("another weight, priority, ttl, tag, status or static gives %q", id)
			}
		})
	}
}
