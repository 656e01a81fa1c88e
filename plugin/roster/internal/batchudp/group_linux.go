package batchudp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
)

// Group is the sockets of an address. Its methods are not safe for concurrent
// use, but for Addr.
type Group struct {
	before  int
	sockets []*socket
	handler atomic.Pointer[Handler]
	serving []chan struct{} // closed when the goroutine of a socket has ended
	close   func() error
}

// Config describes a group.
type Config struct {
	// Address is what net.ListenPacket takes, with a port.
	Address string
	// Sockets is how many to open, one for each processor.
	Sockets int
	// Before is how many sockets the process has at the address already: 1 where
	// that of the other server is open, 0 where it is to be opened.
	Before int
	// AnswerSize is how many octets an answer has at most.
	AnswerSize int
}

// Open opens the sockets. Packets that come to them wait for Serve. The other
// server can open its socket before or after, with SO_REUSEPORT; other sockets of that
// address must not come or go while the group is open: packets are answered all
// the same, but not all by these sockets.
func Open(ctx context.Context, cfg Config) (*Group, error) {
	g := &Group{before: cfg.Before}
	g.close = sync.OnceValue(g.closeSockets)
	for range cfg.Sockets {
		s, err := openSocket(ctx, cfg.Address, cfg.AnswerSize, &g.handler)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("opening a socket at %q: %w", cfg.Address, err), g.Close())
		}
		g.sockets = append(g.sockets, s)
	}
	if err := g.sockets[0].steer(steerToAll(cfg.Before, cfg.Sockets)); err != nil {
		return nil, errors.Join(fmt.Errorf("steering packets to the sockets at %q: %w", cfg.Address, err), g.Close())
	}
	return g, nil
}

// Addr returns the address of the sockets.
func (g *Group) Addr() net.Addr { return g.sockets[0].conn.LocalAddr() }

// Serve has a handler take all packets. Where there was one before it returns
// once none of its calls is under way.
func (g *Group) Serve(h Handler) {
	g.handler.Store(&h)
	if len(g.serving) > 0 {
		for _, s := range g.sockets {
			s.busy.Lock()
			s.busy.Unlock() //nolint:staticcheck // waits for a batch of the handler before
		}
		return
	}
	for _, s := range g.sockets {
		done := make(chan struct{})
		g.serving = append(g.serving, done)
		go func() {
			defer close(done)
			s.serve()
		}()
	}
}

// Close steers packets to the other server's socket, has those handled that have
// come, closes the sockets and waits for their goroutines. Further calls return
// what the first did.
func (g *Group) Close() error { return g.close() }

// closeSockets closes the last socket first: so the indexes of the others stay.
func (g *Group) closeSockets() error {
	var errs []error
	for i, s := range slices.Backward(g.sockets) {
		others := uint32(0)
		if g.before == 0 {
			others = uint32(i + 1) // the other server's takes the place of the one that is closed
		}
		errs = append(errs, s.steer(steerTo(others)))
		if i < len(g.serving) {
			errs = append(errs, s.drain())
			<-g.serving[i]
		}
		if i == 0 {
			// A packet that comes right now is lost, with luck none: a program that
			// is left would steer for as long as the address is served.
			errs = append(errs, s.steer(steerTo(nowhere)))
		}
		errs = append(errs, s.conn.Close())
	}
	return errors.Join(errs...)
}
