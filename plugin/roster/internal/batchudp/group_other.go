//go:build !linux

package batchudp

import (
	"context"
	"errors"
	"net"
	"net/netip"
)

// Group is what other systems lack.
type Group struct{}

// Config describes a group.
type Config struct {
	Address                     string
	Sockets, Before, AnswerSize int
}

type sender struct{}

func (sender) addrPort() netip.AddrPort { return netip.AddrPort{} }

// Open returns errors.ErrUnsupported.
func Open(context.Context, Config) (*Group, error) { return nil, errors.ErrUnsupported }

// Addr is never called.
func (*Group) Addr() net.Addr { return nil }

// Serve is never called.
func (*Group) Serve(Handler) error { return errors.ErrUnsupported }

// Close is never called.
func (*Group) Close() error { return nil }
