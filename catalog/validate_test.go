package catalog_test

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"github.com/rosterdns/roster/catalog"
)

var (
	label63 = strings.Repeat("a", 63)
	label64 = strings.Repeat("a", 64)
)

// labels holds what is a DNS label as Roster has them, and what is not.
var labels = map[string]bool{
	"a": true, "0": true, "a-b": true, "a--b": true, "10-0-0-7-8080": true, "xn--bcher-kva": true, label63: true,
	"": false, label64: false, "-a": false, "a-": false, "-": false, "A": false, "aB": false, "a.b": false, "a_b": false,
	"_a": false, "a/b": false, "a b": false, "a\x00": false, "bücher": false, "a\xff": false, "\u212a": false, "*": false,
}

func TestCheckLabel(t *testing.T) {
	t.Parallel()
	for s, ok := range labels {
		t.Run(fmt.Sprintf("%q", s), func(t *testing.T) {
			t.Parallel()
			wantFault(t, catalog.CheckLabel("field", s), faultIf(!ok, "field"))
		})
	}
}

func faultIf(bad bool, field string) string {
	if bad {
		return field
	}
	return ""
}

func TestCheckNamespace(t *testing.T) {
	t.Parallel()
	for s, ok := range map[string]bool{"default": true, "dns1": true, "d": true, label63: true, "dns": false, "": false, "DNS": false, label64: false} {
		t.Run(fmt.Sprintf("%q", s), func(t *testing.T) {
			t.Parallel()
			wantFault(t, catalog.CheckNamespace(s), faultIf(!ok, "namespace"))
		})
	}
}

func TestCheckPortName(t *testing.T) {
	t.Parallel()
	for s, ok := range map[string]bool{
		"": true, "http": true, "a": true, "a1": true, "1a": true, "h-2": true, "abcdefghijklmno": true, "dns-sd2": true, "0-0-0-0-0-0-0-a": true,
		"abcdefghijklmnop": false, "80": false, "8-0": false, "a--b": false, "-a": false, "a-": false, "Http": false, "a_b": false,
		"_http": false, "dns-sd": false, "h.2": false, "é": false, "a\n": false, " ": false,
	} {
		t.Run(fmt.Sprintf("%q", s), func(t *testing.T) {
			t.Parallel()
			wantFault(t, catalog.CheckPortName("field", s), faultIf(!ok, "field"))
		})
	}
}

// TestValidate has each rule for a member at its edge: the last value that is
// within it and the first that is not.
func TestValidate(t *testing.T) {
	t.Parallel()
	type instance = catalog.Instance
	port := func(ports ...catalog.Port) func(*instance) { return func(in *instance) { in.Ports = ports } }
	address := func(as ...string) func(*instance) { return func(in *instance) { in.Addresses = addrs(as...) } }
	host := func(h string) func(*instance) {
		return func(in *instance) { in.Addresses, in.Host = nil, h }
	}
	tests := []struct {
		name  string
		edit  func(*instance)
		field string // at fault; empty: valid
	}{
		{"nothing optional", func(*instance) {}, ""},
		{"everything", func(in *instance) { *in = typical() }, ""},

		{"id of 63", func(in *instance) { in.ID = label63 }, ""},
		{"id of 64", func(in *instance) { in.ID = label64 }, "id"},
		{"id empty", func(in *instance) { in.ID = "" }, "id"},
		{"id reserved", func(in *instance) { in.ID = "_status" }, "id"},

		{"no address", address(), "addresses"},
		{"32 addresses", address(repeat(32, numbered("10.0.0.%d"))...), ""},
		{"33 addresses", address(repeat(33, numbered("10.0.0.%d"))...), "addresses"},
		{"no IP at all", func(in *instance) { in.Addresses = append(in.Addresses, netip.Addr{}) }, "addresses[1]"},
		{"address with zone", address("fe80::1%eth0"), "addresses[0]"},
		{"address before link-local IPv6", address("fe7f:ffff::1"), ""},
		{"address first link-local IPv6", address("fe80::"), "addresses[0]"},
		{"address last link-local IPv6", address("febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), "addresses[0]"},
		{"address after link-local IPv6", address("fec0::1"), ""},
		{"address before link-local IPv4", address("169.253.255.255"), ""},
		{"address first link-local IPv4", address("169.254.0.0"), "addresses[0]"},
		{"address last link-local IPv4", address("169.254.255.255"), "addresses[0]"},
		{"address after link-local IPv4", address("169.255.0.0"), ""},
		{"address mapped", address("10.0.0.1", "::ffff:10.0.0.1"), "addresses[1]"},
		{"address unspecified IPv4", address("0.0.0.0"), "addresses[0]"},
		{"address after unspecified IPv4", address("0.0.0.1"), "addresses[0]"},
		{"address last of 0.0.0.0/8", address("0.255.255.255"), "addresses[0]"},
		{"address after 0.0.0.0/8", address("1.0.0.0"), ""},
		{"address unspecified IPv6", address("::"), "addresses[0]"},
		{"address loopback", address("127.0.0.1", "::1"), ""},
		{"address before multicast IPv4", address("223.255.255.255"), ""},
		{"address first multicast IPv4", address("224.0.0.0"), "addresses[0]"},
		{"address last multicast IPv4", address("239.255.255.255"), "addresses[0]"},
		{"address after multicast IPv4", address("240.0.0.0"), ""},
		{"address before broadcast", address("255.255.255.254"), ""},
		{"address broadcast", address("255.255.255.255"), "addresses[0]"},
		{"address multicast IPv6", address("ff02::1"), "addresses[0]"},
		{"address before multicast IPv6", address("feff::1"), ""},

		{"host", host("db1.example.com"), ""},
		{"host of one label", host("localhost"), ""},
		{"host beside addresses", func(in *instance) { in.Host = "db1.example.com" }, "host"},
		{"host root", host("."), "host"},
		{"host IPv4", host("10.0.0.7"), "host"},
		{"host IPv6", host("2001:db8::7"), "host"},
		{"host IPv6 with zone", host("fe80::1%eth0"), "host"},
		{"host ends in a number", host("a.1"), "host"},
		{"host starts with a number", host("1.a"), ""},
		{"host number only", host("10"), "host"},
		{"host label of 63", host(label63 + ".example"), ""},
		{"host label of 64", host(label64 + ".example"), "host"},
		{"host of 253", host(hostOf(253)), ""},
		{"host of 254", host(hostOf(254)), "host"},
		{"host empty label", host("a..b"), "host"},
		{"host starts with a dot", host(".a"), "host"},
		{"host dot at the end", host("a."), "host"}, // Normalize takes it away
		{"host upper case", host("A.example"), "host"},
		{"host underscore", host("_a.example"), "host"},
		{"host hyphen at end of label", host("a-.example"), "host"},
		{"host wildcard", host("*.example"), "host"},
		{"host with port", host("a.example:80"), "host"},

		{"32 ports", port(repeat(32, func(i int) catalog.Port {
			return catalog.Port{Name: fmt.Sprintf("p%d", i), Port: 80, Protocol: "tcp"}
		})...), ""},
		{"33 ports", port(repeat(33, func(i int) catalog.Port {
			return catalog.Port{Name: fmt.Sprintf("p%d", i), Port: 80, Protocol: "tcp"}
		})...), "ports"},
		{"port 0", port(catalog.Port{Name: "a", Protocol: "tcp"}), "ports[0].port"},
		{"port 1", port(catalog.Port{Name: "a", Port: 1, Protocol: "tcp"}), ""},
		{"port 65535", port(catalog.Port{Name: "a", Port: 65535, Protocol: "udp"}), ""},
		{"port unnamed", port(catalog.Port{Port: 80, Protocol: "tcp"}), ""},
		{"port name of 15", port(catalog.Port{Name: strings.Repeat("a", 15), Port: 80, Protocol: "tcp"}), ""},
		{"port name of 16", port(catalog.Port{Name: strings.Repeat("a", 16), Port: 80, Protocol: "tcp"}), "ports[0].name"},
		{"port name dns-sd", port(catalog.Port{Name: "dns-sd", Port: 80, Protocol: "udp"}), "ports[0].name"},
		{"protocol unknown", port(catalog.Port{Port: 80, Protocol: "sctp"}), "ports[0].protocol"},
		{"protocol upper case", port(catalog.Port{Port: 80, Protocol: "TCP"}), "ports[0].protocol"},
		{"same name, other protocol", port(catalog.Port{Name: "dns", Port: 53, Protocol: "tcp"}, catalog.Port{Name: "dns", Port: 53, Protocol: "udp"}), ""},
		{"same number, other name", port(catalog.Port{Name: "a", Port: 80, Protocol: "tcp"}, catalog.Port{Name: "b", Port: 80, Protocol: "tcp"}), ""},
		{"name twice", port(catalog.Port{Name: "a", Port: 80, Protocol: "tcp"}, catalog.Port{Name: "a", Port: 81, Protocol: "tcp"}), "ports[1].name"},
		{"no name twice", port(catalog.Port{Port: 80, Protocol: "tcp"}, catalog.Port{Port: 81, Protocol: "tcp"}), "ports[1].name"},

		{"weight 0", func(in *instance) { in.Weight = 0 }, "weight"}, // Normalize makes it 100
		{"weight 1", func(in *instance) { in.Weight = 1 }, ""},
		{"weight 65535", func(in *instance) { in.Weight = 65535 }, ""},
		{"priority 65535", func(in *instance) { in.Priority = 65535 }, ""},
		{"ttl largest", func(in *instance) { in.TTL = 1<<32 - 1 }, ""},

		{"locality of 63", func(in *instance) { in.Locality = label63 }, ""},
		{"locality of 64", func(in *instance) { in.Locality = label64 }, "locality"},
		{"locality of two labels", func(in *instance) { in.Locality = "eu.west" }, "locality"},

		{"32 tags", func(in *instance) { in.Tags = repeat(32, numbered("t%d")) }, ""},
		{"33 tags", func(in *instance) { in.Tags = repeat(33, numbered("t%d")) }, "tags"},
		{"tag of 63", func(in *instance) { in.Tags = []string{label63} }, ""},
		{"tag of 64", func(in *instance) { in.Tags = []string{"a", label64} }, "tags[1]"},
		{"tag empty", func(in *instance) { in.Tags = []string{""} }, "tags[0]"},
		{"tag reserved", func(in *instance) { in.Tags = []string{"_tag"} }, "tags[0]"},

		{"status empty", func(in *instance) { in.Status = "" }, "status"}, // Normalize makes it up
		{"status draining", func(in *instance) { in.Status = catalog.StatusDraining }, ""},
		{"status down", func(in *instance) { in.Status = catalog.StatusDown }, ""},
		{"status unknown", func(in *instance) { in.Status = "maintenance" }, "status"},
		{"status upper case", func(in *instance) { in.Status = "UP" }, "status"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := minimal()
			tt.edit(&in)
			wantFault(t, in.Validate(), tt.field)
		})
	}
}

func TestValidateMetadata(t *testing.T) {
	t.Parallel()
	// pairs returns n pairs of 255 bytes, and one of the rest: in all total bytes.
	pairs := func(total int) map[string]string {
		m := map[string]string{}
		for i := 0; total > 0; i++ {
			size := min(total, catalog.MaxMetadataPair)
			k := fmt.Sprintf("k%02d", i)
			m[k] = strings.Repeat("v", size-len(k)-1)
			total -= size
		}
		return m
	}
	tests := []struct {
		name  string
		meta  map[string]string
		field string
	}{
		{"empty value", map[string]string{"flag": ""}, ""},
		{"key of 1", map[string]string{"k": "v"}, ""},
		{"key empty", map[string]string{"": "v"}, `metadata[""]`},
		{"key of 63", map[string]string{label63: "v"}, ""},
		{"key of 64", map[string]string{label64: "v"}, `metadata["` + label64 + `"]`},
		{"key of first printable", map[string]string{" ": "v"}, ""},
		{"key of last printable", map[string]string{"~": "v"}, ""},
		{"key below printable", map[string]string{"\x1f": "v"}, `metadata["\x1f"]`},
		{"key above printable", map[string]string{"\x7f": "v"}, `metadata["\x7f"]`},
		{"key not ASCII", map[string]string{"é": "v"}, `metadata["é"]`},
		{"key with =", map[string]string{"a=b": "v"}, `metadata["a=b"]`},
		{"value with =", map[string]string{"a": "b=c"}, ""},
		{"value any UTF-8", map[string]string{"a": "é\x00\n\u2028"}, ""},
		{"value not UTF-8", map[string]string{"a": "\xff"}, `metadata["a"]`},
		{"pair of 255", map[string]string{"k": strings.Repeat("v", 253)}, ""},
		{"pair of 256", map[string]string{"k": strings.Repeat("v", 254)}, `metadata["k"]`},
		{"pair of 255 in bytes", map[string]string{"k": strings.Repeat("é", 126) + "v"}, ""},
		{"pair of 256 in bytes", map[string]string{"k": strings.Repeat("é", 127)}, `metadata["k"]`},
		{"4096 together", pairs(4096), ""},
		{"4097 together", pairs(4097), "metadata"},
		{"keys equal but for case", map[string]string{"Version": "1", "version": "2"}, "metadata"},
		{"keys alike", map[string]string{"version": "1", "version2": "2"}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			in := minimal()
			in.Metadata = tt.meta
			wantFault(t, in.Validate(), tt.field)
		})
	}
}

// TestErrorIsStable checks that one input has one message: it is logged, and
// compared, by more than one server.
func TestErrorIsStable(t *testing.T) {
	t.Parallel()
	in := minimal()
	in.Metadata = map[string]string{}
	for i := range 20 {
		in.Metadata[fmt.Sprintf("k=%d", i)] = "v"
	}
	unknown := []byte(`{"n":1,"m":1,"l":1,"k":1,"j":1,"h":1,"g":1,"f":1,"e":1,"d":1,"c":1,"b":1}`)
	for range 20 {
		wantFault(t, in.Validate(), `metadata["k=0"]`)
		wantFault(t, new(catalog.Instance).UnmarshalJSON(unknown), `"n"`)
	}
}

// TestValidateNamesEachMember checks that a person who corrects a service sees all
// that is wrong with it at once.
func TestValidateNamesEachMember(t *testing.T) {
	t.Parallel()
	in := catalog.Instance{
		ID:       "A",
		Host:     "a b",
		Ports:    []catalog.Port{{Name: "http", Port: 0, Protocol: "tcp"}},
		Locality: "L",
		Tags:     []string{"T"},
		Metadata: map[string]string{"=": ""},
		Status:   "asleep",
	}
	want := []string{"id", "host", "ports[0].port", "weight", "locality", "tags[0]", `metadata["="]`, "status"}
	if got := fields(in.Validate()); !reflect.DeepEqual(got, want) {
		t.Errorf("members at fault: %q, want %q", got, want)
	}
}

func TestNormalize(t *testing.T) {
	t.Parallel()
	type instance = catalog.Instance
	tests := []struct {
		name     string
		in, want instance
	}{
		{"defaults", instance{}, instance{Weight: 100, Status: "up"}},
		{"stated", instance{Weight: 1, Status: "down", Priority: 3, TTL: 4}, instance{Weight: 1, Status: "down", Priority: 3, TTL: 4}},
		{
			"protocol",
			instance{Ports: []catalog.Port{{Port: 1}, {Port: 2, Protocol: "udp"}, {Port: 3, Protocol: "x"}}},
			instance{Weight: 100, Status: "up", Ports: []catalog.Port{{Port: 1, Protocol: "tcp"}, {Port: 2, Protocol: "udp"}, {Port: 3, Protocol: "x"}}},
		},
		{"host", instance{Host: "DB1.Example.COM."}, instance{Weight: 100, Status: "up", Host: "db1.example.com"}},
		{"host root stays", instance{Host: "."}, instance{Weight: 100, Status: "up", Host: "."}},
		// Unicode has letters whose lower case is in a to z: they are no part of a hostname.
		{"host Kelvin sign", instance{Host: "\u212a8s.example"}, instance{Weight: 100, Status: "up", Host: "\u212a8s.example"}},
		{
			"empty lists",
			instance{Addresses: addrs(), Ports: []catalog.Port{}, Tags: []string{}, Metadata: map[string]string{}},
			instance{Weight: 100, Status: "up"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := tt.in.Clone()
			got.Normalize()
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %#v\nwant %#v", got, tt.want)
			}
			again := got.Clone()
			again.Normalize()
			if !reflect.DeepEqual(again, got) {
				t.Errorf("a second time: %#v\nafter %#v", again, got)
			}
		})
	}
}
