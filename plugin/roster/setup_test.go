package roster

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/internal/etcdclient"
	"github.com/rosterdns/roster/internal/memkv/faulty"
	"github.com/rosterdns/roster/internal/mirror"
)

// TestStartWithoutEtcd checks that a server whose etcd is away starts in time,
// says so, and denies nothing.
func TestStartWithoutEtcd(t *testing.T) {
	log := logged(t)
	endpoint := closedPort(t)
	start := time.Now()
	s := startServer(t, fmt.Sprintf(`svc.internal:0 {
		bind 127.0.0.1
		roster {
			endpoint %s
			credentials root hunter2
			startup_timeout 300ms
		}
	}`, endpoint))
	if took := time.Since(start); took < 300*time.Millisecond || took > deadline {
		t.Errorf("started after %s", took)
	}
	for _, question := range []string{"orders.default.svc.internal. A", "svc.internal. SOA", "nope.svc.internal. A"} {
		if got := s.ask(t, question); got.Rcode != dns.RcodeServerFailure {
			t.Errorf("%s: %v, want SERVFAIL", question, got)
		}
	}
	status := s.ask(t, "_status.svc.internal. TXT")
	if s := fmt.Sprint(status.Answer); len(status.Answer) != 5 || !strings.Contains(s, `"state=unsynced"`) || !strings.Contains(s, `"revision=0"`) {
		t.Errorf("status: %v", status)
	}
	if s.blocks().handlers[0].Ready() {
		t.Error("ready without a list")
	}
	if l := lines(log, "[WARNING] plugin/roster: no list from etcd yet: answering SERVFAIL", endpoint, `prefix="/roster" waited="300ms" error="`, "connection refused"); len(l) != 1 {
		t.Errorf("%d lines say that there is no list:\n%s", len(l), log)
	}
	if strings.Contains(log.String(), "hunter2") {
		t.Errorf("the log tells the password:\n%s", log)
	}
}

// TestWaitTogether checks that blocks wait for their lists at the same time.
func TestWaitTogether(t *testing.T) {
	endpoint := closedPort(t)
	var corefile strings.Builder
	const n = 5
	for i := range n {
		fmt.Fprintf(&corefile, "z%d.internal:0 {\n bind 127.0.0.1\n roster {\n endpoint %s\n prefix /p%d\n startup_timeout 1s\n}\n}\n", i, endpoint, i)
	}
	start := time.Now()
	startServer(t, corefile.String())
	if took := time.Since(start); took < time.Second || took > togetherBound {
		t.Errorf("%d blocks with 1 s each took %s", n, took)
	}
	if users := poolUsers(); len(users) != n {
		t.Errorf("users of replicas: %v", users)
	}
}

// TestSharing checks that blocks that read the same share a replica.
func TestSharing(t *testing.T) {
	log := logged(t)
	endpoint := closedPort(t)
	m := plant(t, endpoint, shop)
	s := startServer(t, fmt.Sprintf(`svc.internal:0 example.org:0 {
		bind 127.0.0.1
		roster {
			endpoint %[1]s
		}
	}
	other.internal:0 {
		bind 127.0.0.1
		roster {
			endpoint %[1]s
			prefix roster/
			ttl 9
		}
	}
	apart.internal:0 {
		bind 127.0.0.1
		roster {
			endpoint %[1]s
			namespaces default
			startup_timeout 0s
		}
	}`, endpoint))
	if m.users != 2 || len(replicas.replicas) != 2 {
		t.Errorf("%d replicas, the shared one has %d users", len(replicas.replicas), m.users)
	}
	for question, want := range map[string]string{
		"a.orders.default.svc.internal. A":   "a.orders.default.svc.internal.\t5\tIN\tA\t10.0.0.1",
		"a.orders.default.example.org. A":    "a.orders.default.example.org.\t5\tIN\tA\t10.0.0.1",
		"a.orders.default.other.internal. A": "a.orders.default.other.internal.\t9\tIN\tA\t10.0.0.1",
	} {
		if got := s.ask(t, question); len(got.Answer) != 1 || got.Answer[0].String() != want {
			t.Errorf("%s: %v", question, got)
		}
	}
	if got := s.ask(t, "a.orders.default.apart.internal. A"); got.Rcode != dns.RcodeServerFailure {
		t.Errorf("of a replica without a list: %v", got)
	}
	if l := lines(log, "[INFO] plugin/roster: answering from etcd", fmt.Sprintf(`endpoint=%q prefix="/roster" instances=22 services=11 revision=42`, endpoint)); len(l) != 2 {
		t.Errorf("%d lines say what is answered from, want one for each block:\n%s", len(l), log)
	}
	if l := lines(log, "no list from etcd yet", fmt.Sprintf(`endpoint=%q namespaces="default" prefix="/roster" waited="0s"`, endpoint)); len(l) != 1 {
		t.Errorf("%d lines name the namespaces of what isn't there:\n%s", len(l), log)
	}
	// The server's own addresses are those that it is bound to.
	if got := s.ask(t, "svc.internal. NS"); len(got.Extra) != 1 || got.Extra[0].(*dns.A).A.String() != "127.0.0.1" {
		t.Errorf("NS: %v", got)
	}
}

func TestReload(t *testing.T) {
	endpoint := closedPort(t)
	m := plant(t, endpoint, shop)
	corefile := func(extra string) string {
		return fmt.Sprintf("svc.internal:0 {\n bind 127.0.0.1\n roster {\n endpoint %s\n startup_timeout 0s\n %s\n }\n}\n", endpoint, extra)
	}
	const question = "a.orders.default.svc.internal. A"
	s := startServer(t, corefile(""))

	// One that leaves the registry as it is keeps the replica.
	if err := s.reload(t, corefile("ttl 77")); err != nil {
		t.Fatal(err)
	}
	if got := s.ask(t, question); len(got.Answer) != 1 || got.Answer[0].Header().Ttl != 77 {
		t.Errorf("after a reload: %v", got)
	}
	if len(replicas.replicas) != 1 || m.users != 1 || s.blocks().handlers[0].replica != replicaReader(m) {
		t.Errorf("after a reload: %d replicas, the first one has %d users", len(replicas.replicas), m.users)
	}

	// One that fails, whenever it does, changes nothing.
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for what, bad := range map[string]string{
		"in its syntax":              corefile("color red"),
		"in its syntax, elsewhere":   corefile("prefix /other") + "x.internal:0 {\n nonsense\n}\n",
		"after the replicas started": corefile("prefix /other") + "x.internal:" + port(taken) + " {\n bind 127.0.0.1\n template IN ANY {\n rcode NXDOMAIN\n }\n}\n",
	} {
		if err := s.reload(t, bad); err == nil {
			t.Fatalf("a Corefile that is wrong %s was loaded", what)
		}
		if users := poolUsers(); len(users) != 1 || users["/roster"] != 1 {
			t.Errorf("after a reload that failed %s: users %v", what, users)
		}
		if got := s.ask(t, question); len(got.Answer) != 1 || got.Answer[0].Header().Ttl != 77 {
			t.Errorf("after a reload that failed %s: %v", what, got)
		}
	}

	// One that changes the registry lets the old replica go.
	if err := s.reload(t, corefile("prefix /other")); err != nil {
		t.Fatal(err)
	}
	if users := poolUsers(); len(users) != 1 || users["/other"] != 1 {
		t.Errorf("after a reload with another prefix: users %v", users)
	}
	if got := s.ask(t, question); got.Rcode != dns.RcodeServerFailure {
		t.Errorf("of a new replica without a list: %v", got)
	}

	// One that brings it to two blocks and back.
	if err := s.reload(t, corefile("prefix /other")+strings.Replace(corefile("prefix /other"), "svc", "x", 1)); err != nil {
		t.Fatal(err)
	}
	if users := poolUsers(); users["/other"] != 2 {
		t.Errorf("with two blocks: users %v", users)
	}
	if err := s.reload(t, corefile("prefix /other")); err != nil {
		t.Fatal(err)
	}
	if users := poolUsers(); users["/other"] != 1 {
		t.Errorf("with one block again: users %v", users)
	}
	// And one without the directive at all.
	if err := s.reload(t, "svc.internal:0 {\n bind 127.0.0.1\n template IN ANY {\n rcode NXDOMAIN\n }\n}\n"); err != nil {
		t.Fatal(err)
	}
	if users := poolUsers(); len(users) != 0 {
		t.Errorf("without the directive: users %v", users)
	}
}

func port(l net.Listener) string {
	_, p, _ := net.SplitHostPort(l.Addr().String())
	return p
}

// TestStartFails checks that the blocks of a Corefile hold nothing when a replica
// can't be opened.
func TestStartFails(t *testing.T) {
	b := newBlocks()
	good, bad := defaults(), defaults()
	good.startupTimeout = 0
	good.registry.etcd.Endpoints = []string{closedPort(t)}
	bad.registry.etcd.CredentialsFile = "gone since the Corefile was read"
	for _, cfg := range []*config{&good, &bad} {
		r, err := newHandler(cfg, ownAddrs, b.limits)
		if err != nil {
			t.Fatal(err)
		}
		if err := b.add(r, cfg); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.start(); err == nil || !strings.Contains(err.Error(), bad.registry.etcd.CredentialsFile) {
		t.Errorf("error %v", err)
	}
	if users := poolUsers(); len(users) != 0 {
		t.Errorf("users %v", users)
	}
}

// TestReadyBeforeStart checks the time in which the ready plugin serves already
// and this one waits for its turn.
func TestReadyBeforeStart(t *testing.T) {
	t.Parallel()
	cfg := defaults()
	r, err := newHandler(&cfg, ownAddrs, newLimits())
	if err != nil {
		t.Fatal(err)
	}
	if r.Ready() {
		t.Error("ready before it was started")
	}
	r.start(inState(storeOf(t, nil), mirror.Live))
	if !r.Ready() {
		t.Error("not ready with a list")
	}
}

// TestReadyPlugin: the server is ready once there is something to answer. CoreDNS's plugin etcd
// has no part in that.
func TestReadyPlugin(t *testing.T) {
	endpoint, address := closedPort(t), freeAddress(t)
	plant(t, endpoint, shop)
	corefile := func(prefix string) string {
		return fmt.Sprintf("svc.internal:0 {\n bind 127.0.0.1\n ready %s\n roster {\n endpoint %s\n prefix %s\n startup_timeout 0s\n }\n}\n", address, endpoint, prefix)
	}
	s := startServer(t, corefile("/roster"))
	if code, body := readiness(t, address); code != http.StatusOK {
		t.Errorf("with a list: %d %s", code, body)
	}
	if err := s.reload(t, corefile("/other")); err != nil {
		t.Fatal(err)
	}
	if code, body := readiness(t, address); code != http.StatusServiceUnavailable || body != "roster" {
		t.Errorf("without a list: %d %s", code, body)
	}
}

// TestReadyOfAllBlocks: a server is ready once all of its roster blocks are,
// whichever the ready plugin is in.
func TestReadyOfAllBlocks(t *testing.T) {
	endpoint, address := closedPort(t), freeAddress(t)
	plant(t, endpoint, shop)
	etcd := faulty.New()
	etcd.SetState(faulty.Down)
	other := plantEtcd(t, replicas, &registryConfig{etcd: etcdclient.Config{Endpoints: []string{endpoint}}, prefix: "/other"}, etcd)
	startServer(t, fmt.Sprintf(`a.internal:0 {
		bind 127.0.0.1
		ready %[1]s
		roster {
			endpoint %[2]s
		}
	}
	b.internal:0 {
		bind 127.0.0.1
		roster {
			endpoint %[2]s
			prefix /other
			startup_timeout 0s
		}
	}`, address, endpoint))
	if code, body := readiness(t, address); code != http.StatusServiceUnavailable || body != "roster" {
		t.Errorf("without a list of the other block: %d %s", code, body)
	}
	etcd.SetState(faulty.Up)
	synced(t, other)
	if code, body := readiness(t, address); code != http.StatusOK {
		t.Errorf("with all lists: %d %s", code, body)
	}
}

// TestEndOfSERVFAILIsLogged: whoever read that there is no list reads that there is
// one.
func TestEndOfSERVFAILIsLogged(t *testing.T) {
	log := logged(t)
	endpoint := closedPort(t)
	etcd := faulty.New()
	etcd.SetState(faulty.Down)
	m := plantEtcd(t, replicas, &registryConfig{etcd: etcdclient.Config{Endpoints: []string{endpoint}}, prefix: "/roster"}, etcd)
	startServer(t, fmt.Sprintf("svc.internal:0 {\n bind 127.0.0.1\n roster {\n endpoint %s\n startup_timeout 0s\n }\n}\n", endpoint))
	if n := len(lines(log, "answering SERVFAIL")); n != 1 {
		t.Errorf("%d lines say that there is none", n)
	}
	if n := len(lines(log, "answering now")); n != 0 {
		t.Errorf("%d lines say that there is one", n)
	}
	etcd.SetState(faulty.Up)
	synced(t, m)
	for end := time.Now().Add(deadline); len(lines(log, "answering now", `prefix="/roster"`, "revision=1")) != 1; {
		if time.Now().After(end) {
			t.Fatalf("the end is not logged: %s", log)
		}
		runtime.Gosched()
	}
}

func readiness(t *testing.T, address string) (int, string) {
	t.Helper()
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: deadline}
	resp, err := client.Get("http://" + address + "/ready")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestChaseThroughServer checks that the targets of hosts go through the server's
// own blocks.
func TestChaseThroughServer(t *testing.T) {
	endpoint := closedPort(t)
	plant(t, endpoint, values{
		"default/good/a": `{"host":"db1.example.com"}`,
		"default/gone/a": `{"host":"nope.example.com"}`,
		"default/far/a":  `{"host":"www.elsewhere.test"}`,
		"default/far/b":  `{"host":"good.default.svc.internal","status":"down"}`,
		"default/self/a": `{"host":"self.default.svc.internal"}`,
		"default/ping/a": `{"host":"pong.default.svc.internal"}`,
		"default/pong/a": `{"host":"ping.default.svc.internal"}`,
	})
	s := startServer(t, fmt.Sprintf(`svc.internal:0 {
		bind 127.0.0.1
		roster {
			endpoint %s
		}
	}
	example.com:0 {
		bind 127.0.0.1
		template IN ANY {
			match ^db1\.example\.com\.$
			answer "{{ .Name }} 60 IN A 198.51.100.1"
			fallthrough
		}
		template IN ANY {
			rcode NXDOMAIN
			authority "example.com. 60 IN SOA ns.example.com. root.example.com. 1 2 3 4 5"
		}
	}`, endpoint))
	for question, want := range map[string]struct {
		rcode              int
		answers, authority int
	}{
		"good.default.svc.internal. A":  {dns.RcodeSuccess, 2, 0},
		"gone.default.svc.internal. A":  {dns.RcodeNameError, 1, 1},
		"far.default.svc.internal. A":   {dns.RcodeSuccess, 1, 0}, // no block of this server: REFUSED
		"b.far.default.svc.internal. A": {dns.RcodeSuccess, 3, 0},
		"self.default.svc.internal. A":  {dns.RcodeSuccess, 1, 0},
		"ping.default.svc.internal. A":  {dns.RcodeSuccess, 1, 0},
	} {
		got := s.ask(t, question)
		if got.Rcode != want.rcode || len(got.Answer) != want.answers || len(got.Ns) != want.authority {
			t.Errorf("%s: %v", question, got)
		}
	}
}

// TestTransportErrors checks what only a server shows: EDNS of an unknown version,
// a transfer, a class that is not served.
func TestTransportErrors(t *testing.T) {
	endpoint := closedPort(t)
	plant(t, endpoint, shop)
	s := startServer(t, fmt.Sprintf("svc.internal:0 {\n bind 127.0.0.1\n roster {\n endpoint %s\n }\n}\n", endpoint))
	version := withEDNS(query("orders.default.svc.internal. A"), 1232, false)
	version.IsEdns0().SetVersion(1)
	class := query("orders.default.svc.internal. TXT")
	class.Question[0].Qclass = dns.ClassCHAOS
	for what, tt := range map[string]struct {
		req  *dns.Msg
		want int
	}{
		"EDNS 1": {version, dns.RcodeBadVers},
		"IXFR":   {withEDNS(query("svc.internal. IXFR"), 1232, true), dns.RcodeRefused},
		"CHAOS":  {class, dns.RcodeRefused},
	} {
		got, err := dns.Exchange(tt.req, s.Servers()[0].LocalAddr().String())
		if err != nil {
			t.Fatal(err)
		}
		if got.Rcode != tt.want || (tt.req.IsEdns0() != nil) != (got.IsEdns0() != nil) {
			t.Errorf("%s: %v", what, got)
		}
	}
}
