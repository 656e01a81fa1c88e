package etcdserver

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/rosterdns/roster/build/etcdserver/member"
)

// program is the command of a program, which is killed with the test.
func program(t *testing.T, name string, cfg member.Config) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), self, cfg.DataDir, cfg.ListenClient.Host)
	cmd.Env = append(os.Environ(), programEnv+"="+name)
	cmd.Stderr = os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd
}

// TestFaults makes real etcds fail: what was acknowledged is there when they are back.
func TestFaults(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fail   func(pid int) error
		reason string
	}{
		"killed":  {func(pid int) error { return unix.Kill(pid, unix.SIGKILL) }, "its process ended: signal: killed"},
		"crashes": {func(pid int) error { return unix.Kill(pid, unix.SIGABRT) }, "its process ended: exit status 2: SIGABRT: abort"},
		// Writes to files fail, as on a disk that fails.
		"files can't be written": {func(pid int) error {
			return unix.Prlimit(pid, unix.RLIMIT_FSIZE, &unix.Rlimit{}, nil)
		}, "file too large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testFault(t, test.fail, test.reason)
		})
	}
}

func testFault(t *testing.T, fail func(pid int) error, reason string) {
	t.Helper()
	cfg := newConfig(t)
	first, _ := start(t, cfg)
	client := newClient(t, cfg.ListenClient.String(), nil)
	acknowledged := 0
	for range 20 {
		put(t, client, fmt.Sprintf("k%d", acknowledged), "v")
		acknowledged++
	}
	if err := fail(first.cmd.Process.Pid); err != nil {
		t.Fatal(err)
	}
	// Writes meet the fault, and go on until etcd is back.
	deadline := time.Now().Add(patience)
	for after := 0; after < 20; {
		if time.Now().After(deadline) {
			t.Fatalf("etcd is not back; its fault: %v", first.reason())
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_, err := client.Put(ctx, fmt.Sprintf("k%d", acknowledged), "v")
		cancel()
		if err == nil {
			acknowledged++
			if isClosed(first.gone) {
				after++
			}
		}
	}
	for i := range acknowledged {
		get(t, client, fmt.Sprintf("k%d", i))
	}
	if err := first.reason(); !strings.Contains(err.Error(), reason) {
		t.Errorf("the fault is %v, want %s", err, reason)
	}
}

// TestChildIgnoresSignals sends an etcd what a terminal or a process manager sends to whole groups of processes: it goes on.
func TestChildIgnoresSignals(t *testing.T) {
	t.Parallel()
	cfg := newConfig(t)
	c, _ := start(t, cfg)
	pid := c.cmd.Process.Pid
	for _, signal := range []syscall.Signal{unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGUSR1, unix.SIGUSR2} {
		if err := unix.Kill(pid, signal); err != nil {
			t.Fatal(err)
		}
	}
	put(t, newClient(t, cfg.ListenClient.String(), nil), "k", "v")
	if isClosed(c.gone) {
		t.Errorf("it has ended: %v", c.reason())
	}
	if group, err := unix.Getpgid(pid); err != nil || group != pid {
		t.Errorf("its group is %d, %v", group, err)
	}
}

// TestChildHasName looks at an etcd as ps and top show it.
func TestChildHasName(t *testing.T) {
	t.Parallel()
	c, _ := start(t, newConfig(t))
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", c.cmd.Process.Pid))
	if got := strings.TrimSpace(string(comm)); err != nil || got != "coredns-etcd" {
		t.Errorf("its name is %q, %v", got, err)
	}
}

// TestChildEndsWithItsInput has an etcd end by that alone, on any system.
func TestChildEndsWithItsInput(t *testing.T) {
	t.Parallel()
	c, _ := start(t, newConfig(t))
	if err := c.input.Close(); err != nil {
		t.Fatal(err)
	}
	if !c.await(patience) {
		t.Error("it goes on")
	}
}

// TestParentKilled kills the process that supervises an etcd: the next start has folder and port at once.
func TestParentKilled(t *testing.T) {
	t.Parallel()
	cfg := newConfig(t)
	for i := range 3 {
		parent := program(t, "supervise", cfg)
		out, err := parent.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := parent.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal("it doesn't serve", err)
		}
		put(t, newClient(t, cfg.ListenClient.String(), nil), fmt.Sprint(i), "v")
		if err := parent.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = parent.Wait() // killed
	}
	run(t, cfg)
	client := newClient(t, cfg.ListenClient.String(), nil)
	for i := range 3 {
		get(t, client, fmt.Sprint(i))
	}
}

// TestFormerFolder starts with data of an etcd that had a peer port on loopback, which its folder still names.
func TestFormerFolder(t *testing.T) {
	t.Parallel()
	cfg := newConfig(t)
	if out, err := program(t, "former", cfg).Output(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	run(t, cfg)
	client := newClient(t, cfg.ListenClient.String(), nil)
	if got := get(t, client, "former"); got != "v" {
		t.Errorf("got %q, want v", got)
	}
	put(t, client, "now", "v")
}

// TestSingleMemberListensForClientsOnly looks at all sockets of an etcd: none is for other members.
func TestSingleMemberListensForClientsOnly(t *testing.T) {
	t.Parallel()
	cfg := newConfig(t)
	c, _ := start(t, cfg)
	put(t, newClient(t, cfg.ListenClient.String(), nil), "k", "v")
	got := listeners(t, c.cmd.Process.Pid)
	if want := []string{cfg.ListenClient.Host}; !slices.Equal(got, want) {
		t.Errorf("it listens on %q, want %q", got, want)
	}
	cfg = newConfig(t)
	cfg.ListenPeer = url.URL{Scheme: "http", Host: freeAddr(t)}
	c, _ = start(t, cfg)
	want := []string{cfg.ListenClient.Host, cfg.ListenPeer.Host}
	slices.Sort(want)
	if got := listeners(t, c.cmd.Process.Pid); !slices.Equal(got, want) {
		t.Errorf("with listen_peer it listens on %q, want %q", got, want)
	}
}

// listeners are the addresses of the sockets of a process that others can reach, in order.
func listeners(t *testing.T, pid int) (addrs []string) {
	t.Helper()
	dir := fmt.Sprintf("/proc/%d", pid)
	entries, err := os.ReadDir(filepath.Join(dir, "fd"))
	if err != nil {
		t.Fatal(err)
	}
	inodes := map[string]bool{}
	for _, entry := range entries {
		target, err := os.Readlink(filepath.Join(dir, "fd", entry.Name()))
		if inode, ok := strings.CutPrefix(target, "socket:["); ok && err == nil {
			inodes[strings.TrimSuffix(inode, "]")] = true
		}
	}
	for file, columns := range map[string]struct{ addr, state, inode int }{
		"tcp": {1, 3, 9}, "tcp6": {1, 3, 9}, "udp": {1, -1, 9}, "udp6": {1, -1, 9}, "unix": {7, -1, 6},
	} {
		text, err := os.ReadFile(filepath.Join(dir, "net", file))
		if err != nil {
			continue // a kernel without IPv6
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			const listening = "0A"
			if len(fields) <= columns.inode || !inodes[fields[columns.inode]] || (columns.state > 0 && fields[columns.state] != listening) {
				continue
			}
			addr := file
			if file != "unix" {
				addr = address(t, fields[columns.addr])
			}
			addrs = append(addrs, addr)
		}
	}
	slices.Sort(addrs)
	return addrs
}

// address reads an IPv4 address as /proc/net shows it; any other is left as it is.
func address(t *testing.T, s string) string {
	t.Helper()
	ip, port, _ := strings.Cut(s, ":")
	n, err := strconv.ParseUint(ip, 16, 32)
	p, portErr := strconv.ParseUint(port, 16, 16)
	if err != nil || portErr != nil {
		return s
	}
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{byte(n), byte(n >> 8), byte(n >> 16), byte(n >> 24)}), uint16(p)).String()
}

// TestListenersAreSeen is the control of listeners: it sees what this process listens on.
func TestListenersAreSeen(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("unix", filepath.Join(t.TempDir(), "s"))
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	addr := takenAddr(t)
	got := listeners(t, os.Getpid())
	if !slices.Contains(got, "unix") || !slices.Contains(got, addr) {
		t.Errorf("of %s and a unix socket only %q", addr, got)
	}
}

// TestMemberWithoutParent starts the process of an etcd whose parent has ended before it could ask for its own end, and one by
// hand.
func TestMemberWithoutParent(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var order strings.Builder
	if err := (member.Order{Config: newConfig(t), Parent: 1 << 30}).Send(&order); err != nil {
		t.Fatal(err)
	}
	for input, want := range map[string]string{order.String(): "has ended", "": "is for coredns itself"} {
		cmd := exec.CommandContext(t.Context(), self, member.Arg)
		cmd.Stdin = strings.NewReader(input)
		if out, err := cmd.CombinedOutput(); err == nil || !strings.Contains(string(out), want) {
			t.Errorf("with the input %q: %v, %s", input, err, out)
		}
	}
}

// TestStopKillsChild stops an etcd that doesn't answer: it is given time, and then killed.
func TestStopKillsChild(t *testing.T) {
	t.Parallel()
	cfg := newConfig(t)
	lock, err := lockDataDir(t.Context(), cfg.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := launch(cfg, lock, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Kill(c.cmd.Process.Pid, unix.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	c.stop()
	if !isClosed(c.gone) || !strings.Contains(c.reason().Error(), "signal: killed") {
		t.Error("it goes on")
	}
	_ = lock.Close()
	run(t, cfg) // the folder is free
}
