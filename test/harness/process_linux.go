package harness

import "syscall"

// sysProcAttr makes the kernel kill children of a test that was itself killed.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
