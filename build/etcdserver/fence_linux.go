package etcdserver

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// descriptors is the folder with a symbolic link for each open file of this process.
const descriptors = "/proc/self/fd"

// fence takes from an etcd that can't be closed what the next one needs: the locks on its files, and its ports. And it
// keeps what is left of that etcd from ever writing to these files again: each becomes /dev/null, opened for reading,
// under the same descriptor. The number stays its owner's, who may use and close it, to no effect.
//
// An address without IP stands for all with its port. The caller makes sure that no etcd is meant to use the folder and
// the addresses meanwhile.
func fence(dir string, addrs []netip.AddrPort) error {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	files := filepath.Join(dir, "member") + string(filepath.Separator) // where etcd keeps them all
	null, err := unix.Open(os.DevNull, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open %s: %w", os.DevNull, err)
	}
	defer unix.Close(null)
	entries, err := os.ReadDir(descriptors)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		target, err := os.Readlink(filepath.Join(descriptors, entry.Name()))
		switch {
		case err != nil: // closed meanwhile
		case strings.HasPrefix(target, files):
			if err := detach(fd, null, files); err != nil {
				return fmt.Errorf("take %q from the etcd that failed: %w", target, err)
			}
		case strings.HasPrefix(target, "socket:"):
			if err := shutDown(fd, addrs); err != nil {
				return fmt.Errorf("end a socket of the etcd that failed: %w", err)
			}
		}
	}
	return nil
}

// detach puts null in the place of a file whose path, as descriptors shows it, begins with files, and then unlocks it:
// nobody can write to it any more by then. What is left of the etcd may rename or remove the file at any time, which shows
// in the path. It may also close the descriptor, and another part of the process, such as DNS, get the number for a file or
// a connection of its own, which detach leaves alone.
func detach(fd, null int, files string) error {
	file, err := duplicate(fd)
	if file < 0 || err != nil {
		return err
	}
	defer unix.Close(file) // which gives up the locks of the log
	now, err := os.Readlink(filepath.Join(descriptors, strconv.Itoa(file)))
	if err != nil {
		return err
	}
	if !strings.HasPrefix(now, files) {
		return nil // another's
	}
	if err := replace(fd, file, null); err != nil {
		return err
	}
	// The database is mapped into memory, which would keep its lock.
	_ = unix.Flock(file, unix.LOCK_UN) // of a folder there is none
	return nil
}

// duplicate returns a descriptor of the same file or socket, whose number can't come to stand for another one meanwhile,
// or -1 if fd is not open any more.
func duplicate(fd int) (int, error) {
	own, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if errors.Is(err, unix.EBADF) {
		return -1, nil
	}
	return own, err
}

// replace makes fd a copy of null if it is still open and the same file as the descriptor file, which stays open. Linux
// has no call that does both: a descriptor that is closed, and whose number is taken again, between the two calls here
// becomes /dev/null for its new owner, who sees an error or the end of the file, as if a connection had ended.
func replace(fd, file, null int) error {
	var want, got unix.Stat_t
	if err := unix.Fstat(file, &want); err != nil {
		return err
	}
	if err := unix.Fstat(fd, &got); err != nil || got.Dev != want.Dev || got.Ino != want.Ino {
		return nil // closed meanwhile, or another's
	}
	return unix.Dup3(null, fd, unix.O_CLOEXEC)
}

// shutDown ends a socket if it is one of those at addrs: whoever waits there gets an error, and the port is free for
// others.
func shutDown(fd int, addrs []netip.AddrPort) error {
	socket, err := duplicate(fd)
	if socket < 0 || err != nil {
		return err
	}
	defer unix.Close(socket)
	if listensOn(socket, addrs) {
		_ = unix.Shutdown(socket, unix.SHUT_RDWR) // not connected any more
	}
	return nil
}

// listensOn reports whether a socket's own address is one of addrs: it listens there, or serves a connection from there.
func listensOn(fd int, addrs []netip.AddrPort) bool {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil || kind != unix.SOCK_STREAM {
		return false // UDP ports are others'
	}
	name, err := unix.Getsockname(fd)
	if err != nil {
		return false
	}
	var own netip.AddrPort
	switch name := name.(type) {
	case *unix.SockaddrInet4:
		own = netip.AddrPortFrom(netip.AddrFrom4(name.Addr), uint16(name.Port))
	case *unix.SockaddrInet6:
		own = netip.AddrPortFrom(netip.AddrFrom16(name.Addr).Unmap(), uint16(name.Port))
	}
	for _, addr := range addrs {
		if own.IsValid() && (addr == own || (!addr.Addr().IsValid() && addr.Port() == own.Port())) {
			return true
		}
	}
	return false
}
