//go:build acceptance

package acceptance_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

// nobody is a user without rights.
const nobody = 65534

// TestCoreDNSWithCapabilitiesKilled kills coredns where its binary has been given
// the right to port 53, as a user without any other: the kernel then forgets, when
// the binary is executed, that the process is to end with its parent. Within two
// seconds there is no etcd, and the next start has folder and ports.
func TestCoreDNSWithCapabilitiesKilled(t *testing.T) {
	need(t, "setcap", "setpriv")
	program := withCapabilities(t)
	c := harness.NewCoreDNS(t, "setpriv", "--reuid", strconv.Itoa(nobody), "--regid", strconv.Itoa(nobody), "--clear-groups",
		"sh", "-c", `shift; exec "$0" "$@"`, program)
	opened(t, c.Dir())
	corefile := filepath.Join(c.Dir(), "Corefile")
	if err := os.WriteFile(corefile, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(corefile, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		c.Launch(t, fmt.Sprintf(capabilitiesCorefile, c.Dir()))
		c.WaitReady(t)
		etcd := c.Etcdserver(t)
		if !hasCapabilities(t, etcd) {
			t.Fatal("the capabilities have no effect")
		}
		c.Kill()
		killed := time.Now()
		harness.WaitGone(t, etcd)
		took := time.Since(killed)
		t.Logf("etcd is gone %v after coredns", took.Round(time.Millisecond))
		if took > 2*time.Second {
			t.Errorf("etcd went on for %v", took)
		}
	}
}

const capabilitiesCorefile = `svc.internal:{{port "dns"}} {
	bind 127.0.0.1
	ready 127.0.0.1:{{port "ready"}}
	etcdserver %s/etcd {
		listen_client http://127.0.0.1:{{port "etcd"}}
	}
	roster {
		endpoint http://127.0.0.1:{{port "etcd"}}
	}
}
`

// withCapabilities is a copy of coredns that may listen on port 53, whoever runs it.
func withCapabilities(t *testing.T) (path string) {
	t.Helper()
	dir := t.TempDir()
	opened(t, dir)
	path = filepath.Join(dir, "coredns")
	from, err := os.Open(harness.Binary(t, "coredns"))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.Copy(to, from)
	if closeErr := to.Close(); err != nil || closeErr != nil {
		t.Fatal(err, closeErr)
	}
	if out, err := exec.Command("setcap", "cap_net_bind_service+ep", path).CombinedOutput(); err != nil {
		t.Fatalf("setcap: %v\n%s", err, out)
	}
	return path
}

// opened lets the user nobody into a folder of the test's, which is made theirs.
func opened(t *testing.T, dir string) {
	t.Helper()
	if err := os.Chown(dir, nobody, nobody); err != nil {
		t.Fatal(err)
	}
	for parent := filepath.Dir(dir); parent != os.TempDir() && parent != "/"; parent = filepath.Dir(parent) {
		if err := os.Chmod(parent, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// hasCapabilities reports whether a process has any in effect.
func hasCapabilities(t *testing.T, pid int) bool {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if effective, ok := strings.CutPrefix(line, "CapEff:"); ok {
			return strings.Trim(strings.TrimSpace(effective), "0") != ""
		}
	}
	return false
}
