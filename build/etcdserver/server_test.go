package etcdserver

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/build/etcdserver/member"
)

func newConfig(t *testing.T) member.Config {
	t.Helper()
	return member.Config{
		DataDir:      newDir(t),
		Name:         defaultName,
		ListenClient: url.URL{Scheme: "http", Host: freeAddr(t)},
	}
}

// start starts an etcd under a supervisor, which stops with the test if stop isn't called before.
func start(t *testing.T, cfg member.Config) (first *child, stop func()) {
	t.Helper()
	s := newSupervisor(cfg)
	var err error
	if s.lock, err = lockDataDir(t.Context(), cfg.DataDir); err != nil {
		t.Fatal(err)
	}
	etcd, err := s.startProcess(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	s.begin(etcd)
	stop = sync.OnceFunc(s.stop)
	t.Cleanup(stop)
	return etcd.(*child), stop
}

// run is start for who needs nothing but its clients.
func run(t *testing.T, cfg member.Config) (stop func()) {
	t.Helper()
	_, stop = start(t, cfg)
	return stop
}

// expectStopped checks that an etcd has stopped in good order, and so within the time that it has for that.
func expectStopped(t *testing.T, c *child) {
	t.Helper()
	if !isClosed(c.gone) || c.exit != nil {
		t.Errorf("it has not stopped in good order: %v", c.exit)
	}
}

func TestDataDirIsPrivate(t *testing.T) {
	t.Parallel()
	cfg := newConfig(t)
	run(t, cfg)
	info, err := os.Stat(cfg.DataDir)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o700 {
		t.Errorf("mode %04o, want 0700", info.Mode().Perm())
	}
}

func TestMetricsButNoGateway(t *testing.T) {
	t.Parallel()
	cfg := newConfig(t)
	run(t, cfg)
	if body := httpGet(t, cfg.ListenClient.String()+"/metrics", http.StatusOK); !strings.Contains(body, "etcd_server_has_leader 1") {
		t.Error("no etcd_server_has_leader 1 in the metrics")
	}
	httpGet(t, cfg.ListenClient.String()+"/v3/kv/range", http.StatusNotFound)
}

// TestStopDoesNotWaitForWatches shows what clients see of a stop; that it ends their calls at once, TestCallsEndStreams of
// package member shows.
func TestStopDoesNotWaitForWatches(t *testing.T) {
	t.Parallel()
	cfg := newConfig(t)
	c, stop := start(t, cfg)
	client := newClient(t, cfg.ListenClient.String(), nil)
	events := client.Watch(t.Context(), "", clientv3.WithPrefix(), clientv3.WithCreatedNotify())
	if created := <-events; !created.Created {
		t.Fatalf("watch: %+v", created)
	}
	const leaseSeconds = 9 // a keepalive every 3 s
	lease, err := client.Grant(t.Context(), leaseSeconds)
	if err != nil {
		t.Fatal(err)
	}
	alive, err := client.KeepAlive(t.Context(), lease.ID)
	if err != nil {
		t.Fatal(err)
	}
	<-alive
	stop()
	expectStopped(t, c)

	// Both streams come back by themselves: the clients were told that the server is away, not that they are refused.
	run(t, cfg)
	put(t, client, "after", "1")
	select {
	case event := <-events:
		if event.Err() != nil || len(event.Events) != 1 || string(event.Events[0].Kv.Key) != "after" {
			t.Errorf("got %+v, %v", event, event.Err())
		}
	case <-time.After(patience):
		t.Error("the watch did not come back")
	}
	select {
	case response := <-alive:
		if response == nil {
			t.Error("the keepalive gave up")
		}
	case <-time.After(patience):
		t.Error("the keepalive did not come back")
	}
}

func TestPeerURLMayChange(t *testing.T) {
	t.Parallel()
	cfg := newConfig(t)
	for i := range 3 {
		stop := run(t, cfg)
		client := newClient(t, cfg.ListenClient.String(), nil)
		put(t, client, fmt.Sprint(i), "1")
		get(t, client, "0")
		stop()
		cfg.ListenPeer = url.URL{Scheme: "http", Host: freeAddr(t)}
	}
}

func TestMutualTLS(t *testing.T) {
	t.Parallel()
	pki := newPKI(t)
	cfg := newConfig(t)
	cfg.ListenClient.Scheme = "https"
	cfg.ClientTLS = pki.files()
	run(t, cfg)
	endpoint := cfg.ListenClient.String()
	put(t, newClient(t, endpoint, pki.client(t)), "k", "v")

	anonymous := pki.client(t)
	anonymous.Certificates = nil
	stranger := newPKI(t).client(t)
	stranger.RootCAs = anonymous.RootCAs
	clear := cfg.ListenClient
	clear.Scheme = "http"
	for name, client := range map[string]*clientv3.Client{
		"without a certificate":            newClient(t, endpoint, anonymous),
		"certificate of another authority": newClient(t, endpoint, stranger),
		"in clear":                         newClient(t, clear.String(), nil),
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if _, err := client.Get(ctx, "k"); err == nil {
			t.Errorf("%s: etcd answered", name)
		}
		cancel()
	}
}

func TestClusterDoesNotWait(t *testing.T) {
	t.Parallel()
	pki := newPKI(t)
	files := pki.files()
	var members []string
	configs := make([]member.Config, 3)
	for i := range configs {
		cfg := newConfig(t)
		cfg.Name = fmt.Sprintf("n%d", i)
		cfg.ListenPeer = url.URL{Scheme: "https", Host: freeAddr(t)}
		cfg.PeerTLS = files
		members = append(members, cfg.Name+"="+cfg.ListenPeer.String())
		configs[i] = cfg
	}
	// One after the other, as an operator does: the first comes up though it has no quorum yet.
	for i := range configs {
		configs[i].InitialCluster = strings.Join(members, ",")
		if err := checkInitialCluster(configs[i]); err != nil {
			t.Fatal(err)
		}
		run(t, configs[i])
	}
	put(t, newClient(t, configs[0].ListenClient.String(), nil), "k", "v")
	if got := get(t, newClient(t, configs[2].ListenClient.String(), nil), "k"); got != "v" {
		t.Errorf("got %q from another member", got)
	}
}

// TestStartEndsWhenToldToStop ends the first start of an etcd at once, which can be before its log says that it is the only
// member: the next one serves all the same.
func TestStartEndsWhenToldToStop(t *testing.T) {
	t.Parallel()
	for range 10 {
		cfg := newConfig(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := supervise(ctx, cfg); err == nil || !strings.Contains(err.Error(), "told to stop") {
			t.Fatalf("got %v", err)
		}
		run(t, cfg)() // port and lock are free
	}
}

func TestStartErrors(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		spoil func(*testing.T, *member.Config)
		want  []string
	}{
		"client port taken": {
			func(t *testing.T, c *member.Config) { c.ListenClient.Host = takenAddr(t) },
			[]string{"listen_client http://127.0.0.1:", "address already in use", "stop it, or choose another port"},
		},
		"peer port taken": {
			func(t *testing.T, c *member.Config) { c.ListenPeer = url.URL{Scheme: "http", Host: takenAddr(t)} },
			[]string{"listen_peer http://127.0.0.1:", "address already in use", "stop it, or choose another port"},
		},
		"foreign address": {
			func(t *testing.T, c *member.Config) { c.ListenPeer = url.URL{Scheme: "http", Host: "192.0.2.1:2380"} }, // RFC 5737: nobody's
			[]string{"listen_peer http://192.0.2.1:2380", "this machine has no such address"},
		},
		"folder open to others": {
			func(t *testing.T, c *member.Config) { mkdir(t, c.DataDir); chmod(t, c.DataDir, 0o750) },
			[]string{"has mode 0750", "run: chmod 700 '"},
		},
		"folder is a file": {
			func(t *testing.T, c *member.Config) { write(t, c.DataDir, "") },
			[]string{"is not a folder: choose another path"},
		},
		"folder below a file": {
			func(t *testing.T, c *member.Config) {
				write(t, c.DataDir, "")
				c.DataDir = filepath.Join(c.DataDir, "etcd")
			},
			[]string{"data folder", "not a directory"},
		},
		"folder locked": {
			func(t *testing.T, c *member.Config) { lock(t, c.DataDir) },
			[]string{"is locked: another process uses this data folder", "stop it, or choose another folder"},
		},
		"database damaged": {
			func(t *testing.T, c *member.Config) {
				write(t, filepath.Join(c.DataDir, "member", "snap", "db"), strings.Repeat("x", 1<<16))
			},
			[]string{"is damaged or not etcd's", "restore the data folder from a backup"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := newConfig(t)
			test.spoil(t, &cfg)
			s, err := supervise(t.Context(), cfg)
			if err == nil {
				s.stop()
				t.Fatal("started")
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %q, want %q in it", err, want)
				}
			}
		})
	}
}

// TestStopWithoutQuorum stops a member that waits for others, and so has never served.
func TestStopWithoutQuorum(t *testing.T) {
	t.Parallel()
	pki := newPKI(t)
	cfg := newConfig(t)
	cfg.ListenPeer, cfg.PeerTLS = url.URL{Scheme: "https", Host: freeAddr(t)}, pki.files()
	cfg.InitialCluster = fmt.Sprintf("%s=%s,other=https://%s", cfg.Name, &cfg.ListenPeer, freeAddr(t))
	c, stop := start(t, cfg)
	stop()
	expectStopped(t, c)
}

// TestDamagedLog shows that a fault that etcd answers by ending the process is an error, too.
func TestDamagedLog(t *testing.T) {
	t.Parallel()
	cfg := newConfig(t)
	run(t, cfg)()
	logs, err := filepath.Glob(filepath.Join(cfg.DataDir, "member", "wal", "*.wal"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("%d files, %v", len(logs), err)
	}
	for _, path := range logs {
		write(t, path, strings.Repeat("x", 1<<16))
	}
	_, err = supervise(t.Context(), cfg)
	if err == nil || !strings.Contains(err.Error(), "restore the data folder from a backup") {
		t.Errorf("got %v", err)
	}
}

func httpGet(t *testing.T, url string, status int) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != status {
		t.Errorf("%s: status %d, want %d", url, response.StatusCode, status)
	}
	return string(body)
}

func takenAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln.Addr().String()
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
}

func chmod(t *testing.T, path string, mode os.FileMode) {
	t.Helper()
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	mkdir(t, filepath.Dir(path))
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// lock does to a data folder what a running etcd does.
func lock(t *testing.T, dir string) {
	t.Helper()
	path := filepath.Join(dir, "member", "snap", "db")
	mkdir(t, filepath.Dir(path))
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
}
