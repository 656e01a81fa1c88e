package supervise

import "syscall"

// endWithParent has the kernel end a command when this process ends without having done
// so, as by signal KILL: it would go on without being registered, and the next one would
// find its ports taken.
func endWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGTERM }
