//go:build !linux

package batchudp

import "net/netip"

type sender struct{}

func (sender) addrPort() netip.AddrPort { return netip.AddrPort{} }
