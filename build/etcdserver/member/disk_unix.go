//go:build darwin || dragonfly || freebsd || linux

package member

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// diskSpace asks the file system of a folder for its free space, which is for who is not root, and its size, in bytes.
func diskSpace(dir string) (free, size uint64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, 0, fmt.Errorf("free space of %q: %w", dir, err)
	}
	block := uint64(s.Bsize)
	return uint64(max(s.Bavail, 0)) * block, s.Blocks * block, nil //nolint:unconvert // signed on FreeBSD
}
