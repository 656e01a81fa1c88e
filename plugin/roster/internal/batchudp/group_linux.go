package batchudp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// drainTime is how long packets can still come to a socket that the kernel chooses no
// more: those that it was delivering.
const drainTime = 5 * time.Millisecond

// Group is the sockets of an address. Its methods are not safe for concurrent
// use, but for Addr.
type Group struct {
	before  int
	addr    net.Addr
	sockets []*socket
	handler atomic.Pointer[Handler]
	stop    func() error
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

// Open opens the sockets. Packets go on to the other server until Serve. The other
// server can open its socket before or after, with SO_REUSEPORT; other sockets of that
// address must not come or go while the group is open: packets are answered all
// the same, but not all by these sockets.
func Open(ctx context.Context, cfg Config) (*Group, error) {
	g := &Group{before: cfg.Before}
	g.stop = sync.OnceValue(g.leave)
	for range cfg.Sockets {
		s, err := openSocket(ctx, cfg.Address, cfg.AnswerSize, &g.handler)
		if err == nil {
			g.sockets = append(g.sockets, s)
			err = s.steer(steerTo(g.others()))
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("opening a socket at %q: %w", cfg.Address, err), g.Close())
		}
	}
	g.addr = g.sockets[0].conn.LocalAddr()
	return g, nil
}

// others returns the index of the other server's socket, if it is open.
func (g *Group) others() uint32 {
	if g.before > 0 {
		return 0
	}
	return uint32(len(g.sockets))
}

// Addr returns the address of the sockets.
func (g *Group) Addr() net.Addr { return g.addr }

// Serve steers packets to the sockets, and has a handler take them all. Where there
// was a handler before it returns once none of its calls is under way. If it fails the
// handler takes those that come to the sockets.
func (g *Group) Serve(h Handler) error {
	first := g.handler.Swap(&h) == nil
	for _, s := range g.sockets {
		if first {
			s.serving.Go(s.serve)
			continue
		}
		s.busy.Lock()
		s.busy.Unlock() //nolint:staticcheck // waits for a batch of the handler before
	}
	return g.sockets[0].steer(steerToAll(g.before, len(g.sockets)))
}

// Stop leaves packets to the other server, and returns once those are handled that have
// come; none is lost. Peers can still be written to. Further calls return what the first
// did.
func (g *Group) Stop() error { return g.stop() }

// leave has the kernel choose among all sockets by the packets' addresses, and then takes
// these out of the choice, while they are still served.
func (g *Group) leave() error {
	if len(g.sockets) == 0 {
		return nil // Open has failed
	}
	errs := []error{g.sockets[0].steer(steerTo(nowhere))}
	for _, s := range g.sockets {
		errs = append(errs, control(s.raw, connectToItself))
	}
	time.Sleep(drainTime)
	for _, s := range g.sockets {
		errs = append(errs, s.drain())
	}
	return errors.Join(errs...)
}

// connectToItself has a socket get packets from nobody else.
func connectToItself(fd int) error {
	own, err := unix.Getsockname(fd)
	if err == nil {
		err = unix.Connect(fd, own)
	}
	return os.NewSyscallError("connect", err)
}

// Close stops the group, if it isn't yet, and closes its sockets.
func (g *Group) Close() error {
	errs := []error{g.Stop()}
	for _, s := range g.sockets {
		errs = append(errs, s.conn.Close())
	}
	g.sockets = nil
	return errors.Join(errs...)
}
