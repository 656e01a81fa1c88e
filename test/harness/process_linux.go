package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// sysProcAttr makes the kernel kill children of a test that was itself killed.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// Etcdserver waits for the process of the etcd that a coredns runs, and returns
// its ID.
func (c *CoreDNS) Etcdserver(t testing.TB) (pid int) {
	t.Helper()
	Eventually(t, Patience, "the process of etcd", func() error {
		pid = 0
		for _, id := range children(t, c.PID()) {
			// One that is about to become an etcd still has the arguments of coredns.
			line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", id))
			if err == nil && strings.HasSuffix(string(line), "\x00run-etcd\x00") {
				pid = id
			}
		}
		return True(pid != 0)
	})
	return pid
}

// children are the processes whose parent a process is.
func children(t testing.TB, parent int) (pids []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		// "PID (NAME) STATE PPID …", where NAME can have anything in it.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err == nil && len(fields) > 1 && fields[1] == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// WaitGone waits until there is no process with an ID.
func WaitGone(t testing.TB, pid int) {
	t.Helper()
	Eventually(t, Patience, "the end of a process", func() error {
		return True(syscall.Kill(pid, 0) != nil)
	})
}
