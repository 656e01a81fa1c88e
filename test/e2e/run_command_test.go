package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rosterdns/roster/catalog"
	"github.com/rosterdns/roster/test/harness"
)

// waiting is a command that says that it runs, with its process's number, and what
// ends it.
const waiting = `trap 'echo told; exit 7' TERM; echo "runs as $$."; while :; do sleep 0.01; done`

// runCommand starts `registrar run` of a script as instance a of orders.
func runCommand(t *testing.T, e *harness.Etcd, script string, flags ...string) *harness.Process {
	t.Helper()
	args := []string{"run", "orders", "--id", "a", "--address", "127.0.0.1", "--port", "http:8080", "--lease", lease.String(), "--endpoints", e.Endpoints[0]}
	return harness.Registrar(t, slices.Concat(args, flags, []string{"--", "sh", "-c", script})...)
}

// pidOf returns the process of a waiting command.
func pidOf(t *testing.T, p *harness.Process) int {
	t.Helper()
	p.WaitOutput(t, harness.Patience, "runs as ", 1)
	_, rest, _ := strings.Cut(p.Output(), "runs as ")
	pid, err := strconv.Atoi(rest[:strings.IndexByte(rest, '.')])
	if err != nil {
		t.Fatal(err)
	}
	return pid
}

// stored is the status of an instance of a service in etcd, "" if it is not there.
func stored(t *testing.T, e *harness.Etcd, service, id string) (status catalog.Status, err error) {
	t.Helper()
	resp, err := e.Client().Get(t.Context(), catalog.InstanceKey(catalog.DefaultPrefix, "default", service, id))
	if err != nil || len(resp.Kvs) == 0 {
		return "", err
	}
	in, err := catalog.DecodeValue(id, resp.Kvs[0].Value)
	return in.Status, err
}

// awaitStored waits until the status of an instance in etcd is this.
func awaitStored(t *testing.T, e *harness.Etcd, service, id string, want catalog.Status) {
	t.Helper()
	harness.Eventually(t, harness.Patience, fmt.Sprintf("status %q of %s", want, id), func() error {
		got, err := stored(t, e, service, id)
		if err != nil {
			return err
		}
		return differ("status", string(got), string(want))
	})
}

// TestRunDrains sends TERM: the instance is draining while the command goes on as
// before, and a second signal ends the delay.
func TestRunDrains(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	p := runCommand(t, e, waiting, "--drain-delay", "1h")
	pidOf(t, p)
	awaitStored(t, e, "orders", "a", catalog.StatusUp)
	p.Signal(t, syscall.SIGTERM)
	awaitStored(t, e, "orders", "a", catalog.StatusDraining)
	if strings.Contains(p.Output(), "told") {
		t.Error("the command got the signal before the delay was over")
	}
	harness.Elapse(t, 200*time.Millisecond) // sooner it would repeat the first request
	if code := p.Stop(t); code != 7 {
		t.Errorf("exit code %d, want the command's", code)
	}
	awaitStored(t, e, "orders", "a", "")
	// Between these a shell can say that what it waited for was terminated.
	if _, after, told := strings.Cut(p.Output(), "told\n"); !told || !strings.HasSuffix(after, "registrar: unregistered default/orders/a\n") {
		t.Errorf("it said %s", p.Output())
	}
}

// TestRunRepeatedSignal sends TERM twice at once, as timeout(1) does: it is one request.
func TestRunRepeatedSignal(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	p := runCommand(t, e, waiting, "--drain-delay", "1h")
	pidOf(t, p)
	awaitStored(t, e, "orders", "a", catalog.StatusUp)
	p.Signal(t, syscall.SIGTERM)
	p.Signal(t, syscall.SIGTERM)
	awaitStored(t, e, "orders", "a", catalog.StatusDraining)
	harness.Elapse(t, 200*time.Millisecond)
	if strings.Contains(p.Output(), "told") {
		t.Error("the second of two signals at once skipped the delay")
	}
	p.Stop(t)
}

// TestRunCommandKilled kills the command: clients are told at once that the instance is
// draining, and it is gone after the delay, which a signal ends.
func TestRunCommandKilled(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	p := runCommand(t, e, waiting, "--drain-delay", "1h", "--lease", "1h")
	pid := pidOf(t, p)
	awaitStored(t, e, "orders", "a", catalog.StatusUp)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	awaitStored(t, e, "orders", "a", catalog.StatusDraining)
	if code := p.Stop(t); code != 137 {
		t.Errorf("exit code %d", code)
	}
	if status, err := stored(t, e, "orders", "a"); status != "" || err != nil {
		t.Errorf("the instance is %q after its command was killed, %v", status, err)
	}
}

// TestRunKilled kills registrar itself: the command is ended, and the instance expires.
func TestRunKilled(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	p := runCommand(t, e, waiting)
	pid := pidOf(t, p)
	awaitStored(t, e, "orders", "a", catalog.StatusUp)
	p.Kill()
	harness.WaitGone(t, pid)
	if !strings.Contains(p.Output(), "told\n") {
		t.Error("the command was not sent TERM")
	}
	awaitStored(t, e, "orders", "a", "")
}

// TestRunOutlivesEtcd takes etcd away for longer than the lease: the command notices
// nothing, and the instance is back when etcd is.
func TestRunOutlivesEtcd(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	p := runCommand(t, e, waiting, "--drain-delay", "0s")
	pidOf(t, p)
	awaitStored(t, e, "orders", "a", catalog.StatusUp)
	e.Kill(t)
	p.WaitOutput(t, harness.Patience, "lost contact with etcd", 1)
	elapse(t, time.Now(), 2*lease)
	e.Restart(t)
	p.WaitOutput(t, harness.Patience, "regained contact with etcd", 1)
	awaitStored(t, e, "orders", "a", catalog.StatusUp)
	e.Kill(t)
	if code := p.Stop(t); code != 7 {
		t.Errorf("exit code %d without etcd, want the command's", code)
	}
}

// TestRunCheck registers the instance when its check passes, and has the status follow.
func TestRunCheck(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	file := filepath.Join(t.TempDir(), "works")
	works := func(yes bool) {
		err := os.Remove(file)
		if yes {
			err = os.WriteFile(file, nil, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	p := runCommand(t, e, waiting, "--drain-delay", "0s", "--check", "exec:test -e "+file, "--check-interval", "50ms")
	p.WaitOutput(t, harness.Patience, "not registering default/orders/a yet", 1)
	if status, err := stored(t, e, "orders", "a"); status != "" || err != nil {
		t.Errorf("the instance is %q before its check has passed, %v", status, err)
	}
	works(true)
	awaitStored(t, e, "orders", "a", catalog.StatusUp)
	works(false)
	awaitStored(t, e, "orders", "a", catalog.StatusDown)
	works(true)
	awaitStored(t, e, "orders", "a", catalog.StatusUp)
	if code := p.Stop(t); code != 7 {
		t.Errorf("exit code %d", code)
	}
	if n := strings.Count(p.Output(), "registered default/orders/a ("); n != 1 {
		t.Errorf("it says %d times that it has registered:\n%s", n, p.Output())
	}
}
