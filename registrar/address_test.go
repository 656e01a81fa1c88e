package registrar

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
)

func TestLocalAddresses(t *testing.T) {
	t.Parallel()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	loopback := netip.MustParseAddr("127.0.0.1")
	i := slices.IndexFunc(all, func(i net.Interface) bool { return i.Flags&net.FlagLoopback != 0 && i.Flags&net.FlagUp != 0 })
	if i < 0 {
		t.Fatal("this machine has no loopback interface that is up")
	}
	if got, err := LocalAddresses(t.Context(), all[i].Name); err != nil || !slices.Contains(got, loopback) {
		t.Errorf("of %s: %v, %v", all[i].Name, got, err)
	}
	if got, err := LocalAddresses(t.Context(), "", "http://127.0.0.1:99999", "http://127.0.0.1:2379"); err != nil || !slices.Equal(got, []netip.Addr{loopback}) {
		t.Errorf("towards 127.0.0.1: %v, %v", got, err)
	}
	if got, err := LocalAddresses(t.Context(), "no-such-if0"); !errors.Is(err, ErrNotFound) {
		t.Errorf("of no interface: %v, %v", got, err)
	}
	if got, err := LocalAddresses(t.Context(), "", "http://127.0.0.1:99999", "://"); !errors.Is(err, ErrUnavailable) {
		t.Errorf("towards nowhere: %v, %v", got, err)
	}
	for _, malformed := range []string{"localhost:2379", "127.0.0.1:2379", "etcd-1", "http://etcd-1", "://", ""} {
		if got, err := LocalAddresses(t.Context(), "", malformed); !errors.Is(err, ErrInvalid) || errors.Is(err, ErrUnavailable) {
			t.Errorf("towards %q: %v, %v: a later call can't succeed", malformed, got, err)
		}
	}
	if got, err := LocalAddresses(t.Context(), ""); !errors.Is(err, ErrInvalid) {
		t.Errorf("of nothing: %v, %v", got, err)
	}
}

func TestUsableAddresses(t *testing.T) {
	t.Parallel()
	var assigned []net.Addr
	for _, prefix := range []string{"169.254.1.2/16", "fe80::1/64", "10.0.0.7/8", "2001:db8::7/64", "ff02::1/8", "0.0.0.0/0", "fd00::7/8"} {
		ip, network, err := net.ParseCIDR(prefix)
		if err != nil {
			t.Fatal(err)
		}
		assigned = append(assigned, &net.IPNet{IP: ip, Mask: network.Mask})
	}
	want := []netip.Addr{netip.MustParseAddr("10.0.0.7"), netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("fd00::7")}
	if got := usableAddresses(assigned); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v: IPv4 in 4 bytes, nothing link-local, multicast or unspecified", got, want)
	}
}
