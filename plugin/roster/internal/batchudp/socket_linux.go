package batchudp

import (
	"context"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// batchSize is how many packets are read at a time, at most. More of them
	// spare little, and the first one's answer waits for the last one's.
	batchSize = 64
	// receiveBuffer is what the kernel holds of packets while a socket's goroutine
	// has no processor, in octets: some thousands. The kernel has a limit of its own
	// (net.core.rmem_max).
	receiveBuffer = 4 << 20
	// pause is after a read that failed for a reason that can go away, as where
	// there is no memory.
	pause = 10 * time.Millisecond
)

// socket is one of the sockets of a group, with the goroutine that serves it.
type socket struct {
	conn    *net.UDPConn
	raw     syscall.RawConn
	handler *atomic.Pointer[Handler]
	serving sync.WaitGroup // of the goroutine
	// busy is held while a batch is handled by a handler.
	busy sync.Mutex

	in, out *messages
	room    []byte // for the answers of a batch
	packet  Packet
	missed  [batchSize]int // which packets of a batch are handed over

	// What passes between the goroutine and its system calls.
	receive, transmit func(fd uintptr) bool
	received          int
	sent, count       int
	err               error
}

// openSocket opens a socket as net.ListenPacket does, which shares its address with
// others of the user.
func openSocket(ctx context.Context, addr string, answerSize int, handler *atomic.Pointer[Handler]) (*socket, error) {
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return control(c, func(fd int) error {
			return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1)
		})
	}}
	pc, err := lc.ListenPacket(ctx, "udp", addr)
	if err != nil {
		return nil, err
	}
	s := &socket{
		conn: pc.(*net.UDPConn), handler: handler,
		in: newInbound(batchSize), out: newMessages(batchSize), room: make([]byte, batchSize*answerSize),
	}
	s.packet.conn = s.conn
	s.receive, s.transmit = s.recvmmsg, s.sendmmsg
	if s.raw, err = s.conn.SyscallConn(); err == nil {
		err = s.setOptions()
	}
	if err != nil {
		return nil, errors.Join(err, s.conn.Close())
	}
	return s, nil
}

// setOptions has the kernel say which address packets are sent to, where the
// socket has more than one.
func (s *socket) setOptions() error {
	if err := s.conn.SetReadBuffer(receiveBuffer); err != nil {
		return err
	}
	local := s.conn.LocalAddr().(*net.UDPAddr).AddrPort().Addr()
	if !local.IsUnspecified() {
		return nil
	}
	return control(s.raw, func(fd int) error {
		if local.Is4() {
			return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
		}
		return unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1)
	})
}

// control runs a function with a socket's descriptor.
func control(c syscall.RawConn, f func(fd int) error) error {
	var err error
	if closed := c.Control(func(fd uintptr) { err = f(int(fd)) }); closed != nil {
		return closed
	}
	return err
}

// serve handles packets until the deadline that drain sets, and then what is left.
func (s *socket) serve() {
	for s.raw.Read(s.receive) == nil {
		if s.err != nil {
			time.Sleep(pause)
			continue
		}
		s.handle()
	}
	for s.raw.Control(func(fd uintptr) { s.recvmmsg(fd) }) == nil && s.err == nil && s.received > 0 {
		s.handle()
	}
}

// drain waits until serve has handled the packets that have come. No more do.
func (s *socket) drain() error {
	err := s.conn.SetReadDeadline(time.Now())
	s.serving.Wait()
	return err
}

// handle answers a batch, and hands over what has no answer.
func (s *socket) handle() {
	s.busy.Lock()
	defer s.busy.Unlock()
	h := *s.handler.Load()
	missed, used := 0, 0
	s.sent, s.count = 0, 0
	size := len(s.room) / batchSize
	for i := range s.received {
		s.in.take(i, &s.packet)
		answer, ok := h.Answer(&s.packet, s.room[used:][:0:size])
		switch {
		case !ok:
			s.missed[missed] = i
			missed++
		case len(answer) > 0:
			s.out.put(s.count, answer, s.in, i)
			s.count++
			used += min(len(answer), size)
		}
	}
	if s.count > 0 {
		_ = s.raw.Write(s.transmit) // fails only once the socket is closed
	}
	for _, i := range s.missed[:missed] {
		s.in.take(i, &s.packet)
		h.HandOver(&s.packet)
	}
	for i := range s.received {
		s.in.reset(i)
	}
}

// The system calls below are raw: the runtime is not told of them, and its processor waits.
// They don't block, and for a whole batch take a fraction of a millisecond. Of calls that it
// is told of the runtime's monitor would look every 20 µs which ones take that long, and give
// their processor away: 6 % of the processor time of a server that has all it can do.

// recvmmsg reads a batch, unless there is nothing to read.
func (s *socket) recvmmsg(fd uintptr) bool {
	for {
		s.received, s.err = 0, nil
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, first(s.in.headers), batchSize, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			s.received = int(n)
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			return false
		default:
			s.err = errno
		}
		return true
	}
}

// sendmmsg writes what is left of a batch, unless the kernel has no room.
func (s *socket) sendmmsg(fd uintptr) bool {
	for s.sent < s.count {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, first(s.out.headers[s.sent:]), uintptr(s.count-s.sent), unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			s.sent += int(n)
		case unix.EINTR:
		case unix.EAGAIN:
			return false
		default:
			s.sent++ // this client has no route, or is not to be reached: the others are
		}
	}
	return true
}

// first returns where headers begin, for a system call.
func first(headers []unix.Mmsghdr) uintptr {
	return uintptr(unsafe.Pointer(unsafe.SliceData(headers))) // #nosec G103 -- they are alive: the socket has them
}
