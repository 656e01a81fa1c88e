package main

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/rosterdns/roster/registrar"
)

func TestResolveAddresses(t *testing.T) {
	t.Parallel()
	loopback := loopbackInterface(t)
	got, err := resolveAddresses(t.Context(), []string{"10.0.0.7", "2001:db8::7", "iface:" + loopback, "10.0.0.7", "127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
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

func TestResolveAddressesRefuses(t *testing.T) {
	t.Parallel()
	for spec, want := range map[string]string{
		"db1.example.com":   "for a hostname use --host",
		"":                  "neither an IP address nor iface:NAME",
		"10.0.0.7:80":       "neither an IP address nor iface:NAME",
		"iface:":            "no such network interface",
		"iface:no-such-if0": `network interface "no-such-if0": not found`,
	} {
		_, err := resolveAddresses(t.Context(), []string{spec})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("resolveAddresses(%q): error %v, want %q", spec, err, want)
		}
	}
}

func TestSourceAddress(t *testing.T) {
	t.Parallel()
	a, endpoint, err := sourceAddress(t.Context(), []string{"http://127.0.0.1:99999", "http://127.0.0.1:2379"})
	if err != nil || a != netip.MustParseAddr("127.0.0.1") || endpoint != "http://127.0.0.1:2379" {
		t.Errorf("got %v towards %q, %v; want 127.0.0.1 towards the endpoint that there is a route to", a, endpoint, err)
	}
	_, _, err = sourceAddress(t.Context(), []string{"http://127.0.0.1:99999"})
	if !errors.Is(err, registrar.ErrUnavailable) || !strings.Contains(err.Error(), "use --address") {
		t.Errorf("error %v, want ErrUnavailable with a hint", err)
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
