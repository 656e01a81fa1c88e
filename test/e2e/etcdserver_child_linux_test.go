package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

// TestEtcdOfCoreDNSKilled kills the etcd beside coredns, again and again: no query
// fails, and it takes registrations again.
func TestEtcdOfCoreDNSKilled(t *testing.T) {
	t.Parallel()
	s := builtin(t)
	s.register(t, "orders", "held", "127.0.0.1", "--lease", "60s")
	harness.Eventually(t, harness.Patience, "held in DNS", s.sees(t, "orders", "held"))
	asked := startStreams(t, s, 4)
	ids := []string{"held"}
	for round := range 2 {
		killed := s.dns.Etcdserver(t)
		if err := syscall.Kill(killed, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		s.dns.WaitOutput(t, harness.Patience, "its process ended: signal: killed", 1)
		asked.wait(t, 200)
		if again := s.dns.Etcdserver(t); again == killed {
			t.Fatalf("process %d wasn't killed", again)
		}
		id := fmt.Sprintf("new-%d", round)
		ids = append(ids, id)
		s.register(t, "orders", id, "127.0.0.1", "--lease", "60s")
		harness.Eventually(t, harness.Patience, id+" in DNS", s.sees(t, "orders", ids...))
	}
	if n, err := asked.stop(); err != nil {
		t.Errorf("of %d queries one failed: %v", n, err)
	}
}

// TestEtcdOfCoreDNSHangs stops the etcd beside coredns by SIGSTOP: no query fails, and
// the log says that it does not answer. Killed, it is back.
func TestEtcdOfCoreDNSHangs(t *testing.T) {
	t.Parallel()
	s := builtin(t)
	s.register(t, "orders", "held", "127.0.0.1", "--lease", "60s")
	harness.Eventually(t, harness.Patience, "held in DNS", s.sees(t, "orders", "held"))
	asked := startStreams(t, s, 4)
	hung := s.dns.Etcdserver(t)
	if err := syscall.Kill(hung, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	s.dns.WaitOutput(t, harness.Patience, "the server accepts connections but does not answer", 1)
	asked.wait(t, 200)
	if err := syscall.Kill(hung, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	s.register(t, "orders", "new", "127.0.0.1", "--lease", "60s")
	harness.Eventually(t, harness.Patience, "new in DNS", s.sees(t, "orders", "held", "new"))
	if n, err := asked.stop(); err != nil {
		t.Errorf("of %d queries one failed: %v", n, err)
	}
}

// TestEtcdEndsWithCoreDNS ends coredns in each way: its etcd ends, too, and the next
// start has folder and ports at once.
func TestEtcdEndsWithCoreDNS(t *testing.T) {
	t.Parallel()
	c := harness.NewCoreDNS(t)
	for _, signal := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM, syscall.SIGINT, syscall.SIGKILL} {
		c.Launch(t, builtinCorefile)
		c.WaitReady(t)
		etcd := c.Etcdserver(t)
		c.Signal(t, signal)
		c.Wait(t, harness.Patience)
		harness.WaitGone(t, etcd)
	}
}

// TestSecondCoreDNS starts another coredns with the same data folder: it says which
// process has it, and ends; the first one goes on.
func TestSecondCoreDNS(t *testing.T) {
	t.Parallel()
	s := builtin(t)
	other := strings.ReplaceAll(strings.Replace(builtinCorefile, "{{dir}}", s.dns.Dir(), 1), "svc.internal", "other.internal")
	out, code := harness.RunCoreDNS(t, other)
	if want := fmt.Sprintf("another process uses this data folder: coredns with process ID %d", s.dns.PID()); code != 1 ||
		!strings.Contains(out, want) {
		t.Errorf("exit code %d, want %q in:\n%s", code, want, out)
	}
	s.register(t, "orders", "a", "127.0.0.1")
	harness.Eventually(t, harness.Patience, "a in DNS", s.sees(t, "orders", "a"))
}

// withLog starts a coredns with an etcd whose log goes to a file of a kind of its
// own.
func withLog(t *testing.T, path string) *system {
	t.Helper()
	c := harness.NewCoreDNS(t, "sh", "-c", `exec "$@" >"$0" 2>&1`, path)
	c.Launch(t, builtinCorefile)
	c.WaitReady(t)
	return builtinOf(t, c)
}

// TestLogIsBlocked has a log that nobody reads: etcd goes on, and is started again
// when it fails.
func TestLogIsBlocked(t *testing.T) {
	t.Parallel()
	log := newFifo(t)
	defer log.Close()
	s := withLog(t, log.Name())
	fillPipe(t, log)
	for round := range 2 {
		id := fmt.Sprint("i", round)
		s.register(t, "orders", id, "127.0.0.1", "--lease", "60s")
		etcd := s.dns.Etcdserver(t)
		if err := syscall.Kill(etcd, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		harness.WaitGone(t, etcd)
	}
	s.register(t, "orders", "last", "127.0.0.1", "--lease", "60s")
}

// TestLogIsClosed has the reader of the log go away: that ends neither coredns nor
// its etcd.
func TestLogIsClosed(t *testing.T) {
	t.Parallel()
	log := newFifo(t)
	s := withLog(t, log.Name())
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	etcd := s.dns.Etcdserver(t)
	if err := syscall.Kill(etcd, syscall.SIGKILL); err != nil { // which is logged
		t.Fatal(err)
	}
	harness.WaitGone(t, etcd)
	s.register(t, "orders", "a", "127.0.0.1", "--lease", "60s")
	harness.Eventually(t, harness.Patience, "a in DNS", s.sees(t, "orders", "a"))
	if code := s.dns.Stop(t); code != 0 {
		t.Errorf("exit code %d on TERM, want 0", code)
	}
}

// newFifo makes a named pipe, and is its only reader, and a writer, without which
// the opening of the other end would wait.
func newFifo(t *testing.T) *os.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "log")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// fillPipe writes to a pipe until nothing more fits.
func fillPipe(t *testing.T, pipe *os.File) {
	t.Helper()
	if err := pipe.SetWriteDeadline(time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := pipe.Write(make([]byte, 4096)); errors.Is(err, os.ErrDeadlineExceeded) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
