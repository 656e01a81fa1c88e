package harness

import (
	"bytes"
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
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range processes {
		pid, err := strconv.Atoi(filepath.Base(path))
		if _, ppid := stat(pid); err == nil && ppid == strconv.Itoa(parent) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// WaitGone waits until a process has ended, whether its new parent has noticed or
// not.
func WaitGone(t testing.TB, pid int) {
	t.Helper()
	Eventually(t, Patience, "the end of a process", func() error {
		state, _ := stat(pid)
		return True(state == "" || state == "Z" || state == "X")
	})
}

// stat is the state of a process, and its parent's ID; both are empty if there is
// no such process.
func stat(pid int) (state, ppid string) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", ""
	}
	// "PID (NAME) STATE PPID …", where NAME can have anything in it.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 2 {
		return "", ""
	}
	return fields[0], fields[1]
}
