package batchudp

import (
	"math"

	"golang.org/x/sys/unix"
)

// nowhere is an index that no socket has.
const nowhere = math.MaxUint32

// loadRandom is the offset at which a classic BPF program loads a random number
// (SKF_AD_OFF + SKF_AD_RANDOM in linux/filter.h).
const loadRandom = 0xfffff000 + 56

// steerToAll returns a program that steers packets to one of count sockets of a group,
// of which as many as before says were opened before.
func steerToAll(before, count int) []unix.SockFilter {
	return []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: loadRandom},
		{Code: unix.BPF_ALU | unix.BPF_MOD | unix.BPF_K, K: uint32(count)},
		{Code: unix.BPF_ALU | unix.BPF_ADD | unix.BPF_K, K: uint32(before)},
		{Code: unix.BPF_RET | unix.BPF_A},
	}
}

// steerTo returns a program that steers packets to the socket with an index in the
// group. Where there is none the kernel chooses one by the packet's addresses.
func steerTo(index uint32) []unix.SockFilter {
	return []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K, K: index}}
}

// steer puts a program into the place of the one that the socket's group has.
func (s *socket) steer(program []unix.SockFilter) error {
	return control(s.raw, func(fd int) error {
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF,
			&unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]})
	})
}
