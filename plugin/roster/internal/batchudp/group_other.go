//go:build !linux

package batchudp

import (
	"context"
	"errors"
	"net"
)

// Group is what other systems lack.
type Group struct{}

// Config describes a group.
type Config struct {
	Address                     string
	Sockets, Before, AnswerSize int
}

// Open returns errors.ErrUnsupported.
func Open(context.Context, Config) (*Group, error) { return nil, errors.ErrUnsupported }

// Addr is never called.
func (*Group) Addr() net.Addr { return nil }

// Serve is never called.
func (*Group) Serve(Handler) error { return errors.ErrUnsupported }

// Stop is never called.
func (*Group) Stop() error { return nil }

// Close is never called.
func (*Group) Close() error { return nil }
