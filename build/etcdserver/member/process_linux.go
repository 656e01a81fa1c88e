package member

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// nameProcess gives this process a name for ps, top and the kernel's log, where it would be "exe" after the link that it
// was started by. Where /proc is read-only it stays that.
func nameProcess() { _ = os.WriteFile("/proc/self/comm", []byte("coredns-etcd"), 0) }

// followParent has the kernel end this process with its parent, should the parent's end of standard input outlive it. The
// process asks for that itself: the kernel forgets it when a binary with capabilities is executed.
func followParent(parent int) error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("have this process end with its parent: %w", err)
	}
	if os.Getppid() != parent { // which has ended before
		return fmt.Errorf("the parent of this process, %d, has ended", parent)
	}
	return nil
}
