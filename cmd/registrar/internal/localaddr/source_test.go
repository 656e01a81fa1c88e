package localaddr

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/rosterdns/roster/registrar"
)

// source returns one of this machine.
func source(t *testing.T, specs []string, endpoints ...string) *Source {
	t.Helper()
	s, err := This().Source(specs, endpoints)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestFind(t *testing.T) {
	t.Parallel()
	loopback := loopbackInterface(t)
	found := source(t, []string{"10.0.0.7", "2001:db8::7", "iface:" + loopback, "10.0.0.7", "127.0.0.1"}).find(t.Context())
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	got := found.Addresses
	if got[0] != netip.MustParseAddr("10.0.0.7") || got[1] != netip.MustParseAddr("2001:db8::7") {
		t.Errorf("got %v, want the addresses in the order given", got)
	}
	for i, a := range got {
		if slices.Contains(got[:i], a) {
			t.Errorf("%v is there twice in %v", a, got)
		}
	}
	if !slices.Contains(got, netip.MustParseAddr("127.0.0.1")) {
		t.Errorf("got %v, want those of interface %s too", got, loopback)
	}
}

func TestSourceRefuses(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		"db1.example.com": "for a hostname use --host",
		"":                "neither an IP address nor iface:NAME",
		"10.0.0.7:80":     "neither an IP address nor iface:NAME",
		"iface:":          "no such network interface",
	} {
		_, err := This().Source([]string{spec}, nil)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("source %q: error %v, want %q", spec, err, want)
		}
	}
}

func TestFixed(t *testing.T) {
	t.Parallel()
	want := []netip.Addr{netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("10.0.0.8")}
	if got, fixed := source(t, []string{"10.0.0.7", "10.0.0.8", "10.0.0.7"}).Fixed(); !fixed || !slices.Equal(got, want) {
		t.Errorf("got %v, %v; want %v, which can't change", got, fixed, want)
	}
	for _, specs := range [][]string{nil, {"iface:lo"}, {"10.0.0.7", "iface:lo"}} {
		if got, fixed := source(t, specs).Fixed(); fixed {
			t.Errorf("%q: %v are fixed, though they can change", specs, got)
		}
	}
}

// TestFindMissing: what has no address is named, and the rest is there.
func TestFindMissing(t *testing.T) {
	t.Parallel()
	found := source(t, []string{"iface:no-such-if0", "10.0.0.7"}).find(t.Context())
	if !slices.Equal(found.Addresses, []netip.Addr{netip.MustParseAddr("10.0.0.7")}) {
		t.Errorf("got %v, want the address that there is", found.Addresses)
	}
	err := found.Err()
	if err == nil {
		t.Fatal("nothing is missing")
	}
	for _, want := range []string{`--address "iface:no-such-if0": `, `network interface "no-such-if0": not found: there are `, loopbackInterface(t)} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q lacks %q", err, want)
		}
	}
}

func TestFindTowards(t *testing.T) {
	t.Parallel()
	found := source(t, nil, "http://127.0.0.1:99999", "http://127.0.0.1:2379").find(t.Context())
	if want := netip.MustParseAddr("127.0.0.1"); len(found.Addresses) != 1 || found.Addresses[0] != want || found.Towards != "http://127.0.0.1:2379" {
		t.Errorf("got %+v; want %v towards the endpoint that there is a route to", found, want)
	}
	found = source(t, nil, "http://127.0.0.1:99999").find(t.Context())
	if err := found.Err(); !errors.Is(err, registrar.ErrUnavailable) || !strings.Contains(err.Error(), "use --address") || len(found.Addresses) > 0 {
		t.Errorf("got %v, error %v; want ErrUnavailable with a hint", found.Addresses, err)
	}
}

func loopbackInterface(t *testing.T) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(i net.Interface) bool { return i.Flags&net.FlagLoopback != 0 && i.Flags&net.FlagUp != 0 })
	if i < 0 {
		t.Fatal("this machine has no loopback interface that is up")
	}
	return all[i].Name
}
