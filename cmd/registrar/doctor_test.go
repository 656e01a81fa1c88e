package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/registrar/memory"
)

// clock is a member's HTTP server, whose clock is ahead.
func clock(t *testing.T, ahead time.Duration) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/version" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// examined returns the lines of doctor, without those that are measured.
func examined(stdout string) string {
	var lines []string
	for line := range strings.Lines(stdout) {
		if !strings.Contains(line, "  requests to etcd: median ") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// healthyOrders is a DNS server that answers what withOrders has.
func healthyOrders(ids ...string) *recordDNS {
	return &recordDNS{records: recordsOf(ids...), status: []string{"state=live", "revision=2", "age=0"}}
}

func TestDoctor(t *testing.T) {
	t.Parallel()
	s, etcd := withOrders(t), clock(t, 0)
	server := serveDNS(t, healthyOrders("a", "b", "c"))
	stdout, stderr := s.beside(t, healthyEtcd(), exitOK, "doctor", "--endpoints", etcd, "--server", server, "--timeout", "30s")
	want := "ok    etcd " + etcd + " answers: version 3.7.3, leader\n" +
		"ok    etcd has no users: who reaches it may read and write below \"/roster/\"\n" +
		"ok    clock of etcd " + etcd + " agrees with this machine's\n" +
		"ok    the registry has 1 service with 3 instances\n" +
		"ok    DNS server " + server + " is live at revision 2, with all changes\n" +
		"ok    DNS server " + server + " answers all services (1) as etcd has them\n"
	if got := examined(stdout); got != want || stderr != "" || !strings.Contains(stdout, " (leases: 15s)\n") {
		t.Errorf("it wrote\n%sand said %q; want\n%s", stdout, stderr, want)
	}
}

func TestDoctorForPrograms(t *testing.T) {
	t.Parallel()
	s, etcd := withOrders(t), clock(t, time.Hour)
	server := serveDNS(t, healthyOrders("a", "b", "c"))
	args := []string{"doctor", "--endpoints", etcd, "--server", server, "--timeout", "30s", "-o"}
	stdout, stderr := s.beside(t, healthyEtcd(), exitFailure, append(args, "jsonl")...)
	for _, want := range []string{
		`{"level":"ok","what":"etcd ` + etcd + ` answers: version 3.7.3, leader"}` + "\n",
		`{"level":"fail","what":"clock of etcd ` + etcd + ` is `, // an hour, or a second less
		` ahead of this machine's: certificates and signatures fail","do":"set both clocks by NTP"}` + "\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("it wrote\n%swant in it\n%s", stdout, want)
		}
	}
	if want := "registrar: something is wrong: see the lines with \"fail\"\n"; stderr != want {
		t.Errorf("it said %q, want %q", stderr, want)
	}
	if stdout, _ := s.beside(t, healthyEtcd(), exitFailure, append(args, "json")...); !strings.HasPrefix(stdout, "[\n  {\n    \"level\": \"ok\",\n") {
		t.Errorf("it wrote\n%s", stdout)
	}
}

// TestDoctorFindsFaults has a fault in each part: each is told, and hides none of the
// others.
func TestDoctorFindsFaults(t *testing.T) {
	t.Parallel()
	s, endpoint := withOrders(t), clock(t, time.Minute)
	s.do(t, "", exitOK, "drain", "orders", "gone", "--absent")
	differs := serveDNS(t, &recordDNS{records: recordsOf("a", "b"), status: []string{"state=live", "revision=3"}})
	behind := serveDNS(t, healthyOrders("a", "b", "c"))
	etcd := healthyEtcd()
	etcd.auth, etcd.write = true, rpctypes.ErrPermissionDenied
	etcd.status.Version = "3.3.1"
	stdout, _ := s.beside(t, etcd, exitFailure, "doctor", "--endpoints", endpoint, "--server", differs+","+behind+",127.0.0.1:1", "--timeout", "30s")
	for _, want := range []string{
		"fail  etcd " + endpoint + " has version 3.3.1, which is not supported — ",
		"warn  the user may read below \"/roster/\", but not write — ",
		"warn  clock of etcd " + endpoint + " is ",
		"ok    the registry has 1 service with 3 instances\n",
		"warn  override draining is left over: instance default/orders/gone is not there, ",
		"fail  DNS server " + differs + " differs from etcd in default/orders — see how: registrar resolve default/orders --server " + differs + "\n",
		"fail  DNS server " + behind + " is at revision 2, the last change at 3 — ",
		"fail  DNS server 127.0.0.1:1: no answer: ",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("it wrote\n%swant in it\n%s", stdout, want)
		}
	}
}

// TestDoctorWithoutRegistry shows that DNS servers are checked all the same.
func TestDoctorWithoutRegistry(t *testing.T) {
	t.Parallel()
	s, endpoint := withOrders(t), clock(t, 0)
	s.store.SetState(memory.Forbidding)
	server := serveDNS(t, healthyOrders())
	stdout, _ := s.beside(t, healthyEtcd(), exitFailure, "doctor", "--endpoints", endpoint, "--server", server)
	for _, want := range []string{
		"fail  the registry can't be read: permission denied: ",
		"ok    DNS server " + server + " is live at revision 2\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("it wrote\n%swant in it\n%s", stdout, want)
		}
	}
	b := newBench(s.open()) // which has no etcd
	b.app.resolvConf = filepath.Join(t.TempDir(), "none")
	code, stdout, _ := b.run(t, "doctor")
	for _, want := range []string{"fail  connecting to etcd: this test has no etcd — ", "warn  no DNS server is known: ", " — name them by --server\n"} {
		if code != exitFailure || !strings.Contains(stdout, want) {
			t.Errorf("exit code %d; it wrote\n%swant in it\n%s", code, stdout, want)
		}
	}
}

// TestDoctorAsksTheSystemsServers takes the servers from resolv.conf.
func TestDoctorAsksTheSystemsServers(t *testing.T) {
	t.Parallel()
	b := newBench(newShop().open())
	b.app.resolvConf = filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(b.app.resolvConf, []byte("nameserver 127.0.0.255\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stdout, _ := b.run(t, "doctor", "--timeout", "1s"); !strings.Contains(stdout, "  DNS server 127.0.0.255:53") {
		t.Errorf("it wrote\n%s", stdout)
	}
}

// TestDoctorLetsServersCatchUp shows that a server which is a moment behind is not said to
// be at fault, neither for its revision nor for what it answers.
func TestDoctorLetsServersCatchUp(t *testing.T) {
	t.Parallel()
	s, endpoint := withOrders(t), clock(t, 0)
	d := healthyOrders("a", "b", "c")
	d.behind = 4 // by UDP and by TCP
	server := serveDNS(t, d)
	stdout, _ := s.beside(t, healthyEtcd(), exitOK, "doctor", "--endpoints", endpoint, "--server", server, "--timeout", "30s")
	if !strings.Contains(stdout, "ok    DNS server "+server+" answers all services (1) as etcd has them\n") {
		t.Errorf("it wrote\n%s", stdout)
	}
}
