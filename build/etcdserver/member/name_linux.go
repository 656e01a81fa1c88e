package member

import "os"

// nameProcess gives this process a name for ps, top and the kernel's log, where it would be "exe" after the link that it
// was started by. Where /proc is read-only it stays that.
func nameProcess() { _ = os.WriteFile("/proc/self/comm", []byte("coredns-etcd"), 0) }
