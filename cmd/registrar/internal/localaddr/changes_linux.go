package localaddr

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rosterdns/roster/internal/backoff"
)

// settleFor is how long a change is given to be followed by others of the same cause: a
// new lease of DHCP is an address that goes, one that comes, and some routes. It also
// bounds how often a machine whose routes change all the time wakes this process.
const settleFor = 500 * time.Millisecond

// groups are the multicast groups of rtnetlink(7) whose messages can mean another
// address to register.
const groups = unix.RTMGRP_LINK |
	unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR |
	unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE

// changes is a Watch by rtnetlink(7). Where that is not permitted, as in some sandboxes,
// it calls changed every ten seconds.
func changes(ctx context.Context, changed func()) {
	socket, err := listen()
	if err != nil {
		poll(ctx, changed)
		return
	}
	defer socket.Close()
	defer context.AfterFunc(ctx, func() { _ = socket.SetReadDeadline(time.Unix(1, 0)) })()
	for {
		changed()
		if err := drain(socket); err != nil {
			if ctx.Err() == nil {
				poll(ctx, changed)
			}
			return
		}
		if backoff.Sleep(ctx, settleFor) != nil {
			return
		}
	}
}

// listen returns a socket that hears of changes from now on.
func listen() (*os.File, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("opening a netlink socket: %w", err)
	}
	socket := os.NewFile(uintptr(fd), "netlink")
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		return nil, errors.Join(fmt.Errorf("listening for changes of addresses: %w", err), socket.Close())
	}
	return socket, nil
}

// drain waits for messages, and drops all that are there: they say that something has
// changed, and Find sees what.
func drain(socket *os.File) error {
	raw, err := socket.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		heard := false
		for {
			switch _, _, err := unix.Recvfrom(int(fd), nil, unix.MSG_DONTWAIT); {
			case err == nil, errors.Is(err, syscall.ENOBUFS): // then more has changed than there is room for
				heard = true
			case errors.Is(err, syscall.EINTR):
			case errors.Is(err, syscall.EAGAIN):
				return heard
			default:
				failed = err
				return true
			}
		}
	})
	return errors.Join(err, failed)
}
