//go:build !linux

package etcdserver

import (
	"errors"
	"net/netip"
)

// fence is for systems that show the open files of a process in /proc.
func fence(string, []netip.AddrPort) error { return errors.ErrUnsupported }
