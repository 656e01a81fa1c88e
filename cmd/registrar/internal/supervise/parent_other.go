//go:build unix && !linux

package supervise

import "syscall"

// endWithParent does nothing: this system has no way to end a command together with the
// process that has started it.
func endWithParent(*syscall.SysProcAttr) {}
