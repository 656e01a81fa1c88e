package etcdserver

import (
	"context"
	"crypto/tls"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coredns/caddy"
	"github.com/miekg/dns"
	"go.etcd.io/bbolt"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
)

// patience bounds what must happen soon: it ends tests that hang, no others.
const patience = 2 * time.Minute

// TestLifecycle covers what the one etcd of a process does in starts, reloads and stops; its parts can't run in parallel.
func TestLifecycle(t *testing.T) {
	t.Run("data survives a restart", testRestart)
	t.Run("reload unchanged", testReloadUnchanged)
	t.Run("reload changed", testReloadChanged)
	t.Run("reload dropped", testReloadDropped)
	t.Run("reload added", testReloadAdded)
	t.Run("reload failed", testReloadFailed)
	t.Run("two in a Corefile", testTwo)
	t.Run("error names file and line", testStartErrorPosition)
}

func testRestart(t *testing.T) {
	dir, addr := filepath.Join(t.TempDir(), "new", "etcd"), freeAddr(t)
	corefile := corefile(dir, addr, "", "")
	inst := startCoreDNS(t, corefile)
	put(t, newClient(t, "http://"+addr, nil), "survives", "1")
	stopCoreDNS(t, inst)
	expectFree(t, dir)
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatalf("after the stop: %v", err)
	}
	ln.Close()

	inst = startCoreDNS(t, corefile)
	defer stopCoreDNS(t, inst)
	if got := get(t, newClient(t, "http://"+addr, nil), "survives"); got != "1" {
		t.Errorf("got %q, want 1", got)
	}
}

func testReloadUnchanged(t *testing.T) {
	addr := freeAddr(t)
	corefile := corefile(newDir(t), addr, "name n1", "")
	inst := startCoreDNS(t, corefile)
	client := newClient(t, "http://"+addr, nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	events := client.Watch(clientv3.WithRequireLeader(ctx), "watched", clientv3.WithCreatedNotify())
	if created := <-events; !created.Created {
		t.Fatalf("watch: %+v", created)
	}
	before := running.server

	for i := range 3 {
		var err error
		if inst, err = reload(t, inst, corefile); err != nil {
			t.Fatal(err)
		}
		if running.server != before {
			t.Fatal("the reload replaced the server")
		}
		value := fmt.Sprint(i)
		put(t, client, "watched", value)
		if got := <-events; got.Err() != nil || len(got.Events) != 1 || string(got.Events[0].Kv.Value) != value {
			t.Fatalf("after reload %d the watch got %+v, %v", i, got, got.Err())
		}
	}
	stopCoreDNS(t, inst)
}

func testReloadChanged(t *testing.T) {
	dir, addr := newDir(t), freeAddr(t)
	inst := startCoreDNS(t, corefile(dir, addr, "name n1", ""))
	defer func() { stopCoreDNS(t, inst) }()
	client := newClient(t, "http://"+addr, nil)
	for _, changed := range []string{
		corefile(dir, addr, "name n2", ""),
		corefile(newDir(t), addr, "name n1", ""),
		corefile(dir, freeAddr(t), "name n1", ""),
	} {
		var err error
		inst, err = reload(t, inst, changed)
		if err == nil || !strings.Contains(err.Error(), "Corefile:3: a reload can't change the running etcd") ||
			!strings.Contains(err.Error(), "restart the process") {
			t.Fatalf("got %v", err)
		}
		put(t, client, "k", "v")
	}
	var err error
	if inst, err = reload(t, inst, corefile(dir, addr, "name n1", "")); err != nil {
		t.Fatalf("the change undone: %v", err)
	}
	put(t, client, "k", "v")
}

func testReloadDropped(t *testing.T) {
	dir, addr := newDir(t), freeAddr(t)
	inst := startCoreDNS(t, corefile(dir, addr, "", ""))
	inst, err := reload(t, inst, without())
	if err != nil {
		t.Fatal(err)
	}
	defer stopCoreDNS(t, inst)
	if running.server != nil {
		t.Fatal("the server runs on")
	}
	expectFree(t, dir)
}

// expectFree checks that nobody uses a data folder, neither a process that runs etcd nor etcd itself.
func expectFree(t *testing.T, dir string) {
	t.Helper()
	file, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if locked, err := tryLock(file); !locked || err != nil {
		t.Errorf("the lock of the data folder: %v", err)
	}
	db, err := bbolt.Open(filepath.Join(dir, "member", "snap", "db"), 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	if err != nil {
		t.Fatalf("the database: %v", err)
	}
	db.Close()
}

func testReloadAdded(t *testing.T) {
	dir := newDir(t)
	inst := startCoreDNS(t, without())
	inst, err := reload(t, inst, corefile(dir, freeAddr(t), "", ""))
	defer stopCoreDNS(t, inst)
	if err == nil || !strings.Contains(err.Error(), "Corefile:3: a reload can't add etcdserver: restart the process") {
		t.Errorf("got %v", err)
	}
	if running.server != nil {
		t.Error("a server runs")
	}
}

func testReloadFailed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	takenPort := taken.Addr().(*net.TCPAddr).Port
	dir, addr := newDir(t), freeAddr(t)
	good := corefile(dir, addr, "", "")
	inst := startCoreDNS(t, good)
	client := newClient(t, "http://"+addr, nil)
	for name, bad := range map[string]string{
		"unknown directive":     good + "\nexample.org:0 {\n nonsense\n}\n",
		"fails in setup":        corefile(dir, addr, "", "bind no-such-interface"),
		"fails after take-over": good + fmt.Sprintf("\nexample.org:%d {\n bind 127.0.0.1\n whoami\n}\n", takenPort),
		"dropped, and fails":    without() + fmt.Sprintf("\nexample.org:%d {\n bind 127.0.0.1\n whoami\n}\n", takenPort),
	} {
		if inst, err = reload(t, inst, bad); err == nil {
			t.Fatalf("%s: the reload succeeded", name)
		}
		put(t, client, "k", name)
	}
	// The server is the first instance's again: dropping the directive stops it.
	if inst, err = reload(t, inst, without()); err != nil {
		t.Fatal(err)
	}
	defer stopCoreDNS(t, inst)
	if running.server != nil {
		t.Error("the server runs on")
	}
}

func testTwo(t *testing.T) {
	two := corefile(newDir(t), freeAddr(t), "", "") + "example.org:0 {\n bind 127.0.0.1\n etcdserver " + newDir(t) + "\n}\n"
	_, err := caddy.Start(input(two))
	if err == nil || !strings.Contains(err.Error(), "Corefile:12 - Error during parsing: etcdserver is already at Corefile:3") {
		t.Errorf("got %v", err)
	}
}

func testStartErrorPosition(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, err = caddy.Start(input(corefile(newDir(t), ln.Addr().String(), "", "")))
	if err == nil || !strings.HasPrefix(err.Error(), "plugin/etcdserver: Corefile:3: listen_client http://"+ln.Addr().String()+": ") {
		t.Errorf("got %v", err)
	}
}

// corefile has etcdserver in line 3, and more behind it.
func corefile(dir, addr, property, more string) string {
	return fmt.Sprintf(`.:0 {
	bind 127.0.0.1
	etcdserver %q {
		listen_client http://%s
		%s
	}
	whoami
	%s
}
`, dir, addr, property, more)
}

func without() string { return ".:0 {\n bind 127.0.0.1\n whoami\n}\n" }

func input(corefile string) caddy.Input {
	return caddy.CaddyfileInput{Filepath: "Corefile", Contents: []byte(corefile), ServerTypeName: "dns"}
}

func startCoreDNS(t *testing.T, corefile string) *caddy.Instance {
	t.Helper()
	inst, err := caddy.Start(input(corefile))
	if err != nil {
		t.Fatal(err)
	}
	return inst
}

// reload does what CoreDNS does on USR1.
func reload(t *testing.T, inst *caddy.Instance, corefile string) (*caddy.Instance, error) {
	t.Helper()
	awaitDNS(t, inst)
	return inst.Restart(input(corefile))
}

// stopCoreDNS does what CoreDNS does on TERM.
func stopCoreDNS(t *testing.T, inst *caddy.Instance) {
	t.Helper()
	awaitDNS(t, inst)
	for _, err := range inst.ShutdownCallbacks() {
		t.Error(err)
	}
	if err := inst.Stop(); err != nil {
		t.Error(err)
	}
	inst.Wait()
}

// awaitDNS waits until all sockets answer: a listener that CoreDNS stops before that never ends.
func awaitDNS(t *testing.T, inst *caddy.Instance) {
	t.Helper()
	for _, server := range inst.Servers() {
		for _, addr := range []net.Addr{server.LocalAddr(), server.Addr()} {
			question := new(dns.Msg).SetQuestion("example.org.", dns.TypeA)
			client := dns.Client{Net: addr.Network(), Timeout: patience}
			if _, _, err := client.Exchange(question, addr.String()); err != nil {
				t.Error(err)
			}
		}
	}
}

// newDir is a data folder that is yet to be created.
func newDir(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "etcd")
}

// Ports of freeAddr follow one another from firstPort, as many as were looked at. They are
// below those that systems give to connections and to whoever listens on any port: no other
// test takes one while an etcd is away.
var (
	firstPort   = 10_000 + rand.Int32N(1000)
	portsLooked atomic.Int32
)

// freeAddr is a loopback address that nothing listens on, another one at each call.
func freeAddr(t *testing.T) string {
	t.Helper()
	for range 1000 {
		addr := fmt.Sprintf("127.0.0.1:%d", firstPort+portsLooked.Add(1))
		if ln, err := net.Listen("tcp", addr); err == nil {
			_ = ln.Close()
			return addr
		}
	}
	t.Fatal("no port is free")
	return ""
}

func newClient(t *testing.T, endpoint string, tlsConfig *tls.Config) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, TLS: tlsConfig, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func put(t *testing.T, client *clientv3.Client, key, value string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if _, err := client.Put(ctx, key, value); err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, client *clientv3.Client, key string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	response, err := client.Get(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	if len(response.Kvs) != 1 {
		t.Fatalf("%d keys %q, want 1", len(response.Kvs), key)
	}
	return string(response.Kvs[0].Value)
}
