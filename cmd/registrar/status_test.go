package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/registrar/memory"
)

// trimmed returns lines without space at their ends.
func trimmed(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestStatus(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	s.do(t, "", exitOK, "drain", "orders", "b", "--reason", "kernel update")
	s.do(t, "", exitOK, "drain", "orders", "x", "--absent")
	live, behind := startDNS(t, at(1000)), startDNS(t, at(2))
	stdout, stderr := s.beside(t, healthyEtcd(), exitOK, "status", "--server", live.addr, "--server", behind.addr+",127.0.0.1:1", "--timeout", "30s")
	want := `ETCD                   NAME    VERSION  ROLE    REVISION  SIZE     ERROR
http://127.0.0.1:2379  etcd-0  3.7.3    leader  20        3.0 MiB  -

USER        BELOW     READ  WRITE  ERROR
(no users)  /roster/  yes   yes    -

REVISION  SERVICES  INSTANCES  UP  DRAINING  DOWN  OVERRIDES  SKIPPED
4         1         3          2   1         0     2          0

DNS STATE REVISION BEHIND AGE INSTANCES ERROR
LIVE live 1000 0 0s 1 -
BEHIND live 2 2 0s 1 -
127.0.0.1:1 - - - - - no answer

OVERRIDE OF       OVERRIDE  INSTANCE  REASON
default/orders/b  draining  up        kernel update
default/orders/x  draining  missing   -
`
	want = strings.NewReplacer("LIVE", live.addr, "BEHIND live", behind.addr+" live").Replace(want)
	compare := func(s string) string { // ports are not all as wide
		var lines []string
		for line := range strings.Lines(s) {
			before, _, _ := strings.Cut(line, "no answer")
			lines = append(lines, strings.Join(strings.Fields(before), " "))
		}
		return strings.Join(lines, "\n")
	}
	if compare(stdout) != compare(want) {
		t.Errorf("status wrote\n%swant\n%s", stdout, want)
	}
	if want := "registrar: overrides of instances that are missing count as soon as those come: to remove them, run: registrar undrain default/orders/x\n"; stderr != want {
		t.Errorf("status said %q, want %q", stderr, want)
	}
}

func TestStatusForPrograms(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	s.do(t, "", exitOK, "drain", "orders", "x", "--absent", "--reason", "crash loop")
	dns := startDNS(t, at(1))
	stdout, stderr := s.beside(t, healthyEtcd(), exitOK, "status", "-o", "jsonl", "--server", dns.addr)
	want := `{"etcd":[{"endpoint":"http://127.0.0.1:2379","name":"etcd-0","version":"3.7.3","role":"leader","revision":20,"size":3145728,"quota":2147483648}],` +
		`"user":{"authentication":false,"below":"/roster/","read":true,"write":true},` +
		`"registry":{"revision":3,"services":1,"instances":3,"up":3,"draining":0,"down":0,` +
		`"overrides":[{"instance":"default/orders/x","status":"draining","reason":"crash loop","instance_status":"missing"}]},` +
		`"dns":[{"server":"` + dns.addr + `","state":"live","revision":1,"behind":2,"serial":7,"instances":1}]}` + "\n"
	if stdout != want || stderr != "" {
		t.Errorf("status wrote\n%sand said %q, want\n%s", stdout, stderr, want)
	}
}

// TestStatusOfNamespace shows that -n limits what is read, and so what has to be
// permitted.
func TestStatusOfNamespace(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	stdout, _ := s.beside(t, healthyEtcd(), exitOK, "status", "-n", "prod", "-o", "jsonl")
	for _, want := range []string{`"below":"/roster/prod/"`, `"services":0,"instances":0,`} {
		if !strings.Contains(stdout, want) {
			t.Errorf("status wrote %q, want %q in it", stdout, want)
		}
	}
}

// TestStatusOfSickEtcd shows what members say of themselves.
func TestStatusOfSickEtcd(t *testing.T) {
	t.Parallel()
	etcd := healthyEtcd()
	etcd.status.Leader, etcd.status.Errors = 0, []string{"etcdserver: no leader", "memberID:7 alarm:NOSPACE "}
	etcd.members = append(etcd.members, &pb.Member{ID: 8, Name: "etcd-1", ClientURLs: []string{"http://10.0.0.2:2379"}})
	etcd.auth, etcd.read, etcd.write = true, rpctypes.ErrPermissionDenied, rpctypes.ErrPermissionDenied
	stdout, _ := newShop().beside(t, etcd, exitOK, "status")
	const want = `ETCD                   NAME    VERSION  ROLE       REVISION  SIZE     ERROR
http://127.0.0.1:2379  etcd-0  3.7.3    no leader  20        3.0 MiB  etcdserver: no leader; memberID:7 alarm:NOSPACE
http://10.0.0.2:2379   etcd-1  -        -          -         -        not among --endpoints

USER  BELOW     READ  WRITE  ERROR
-     /roster/  no    no     etcdserver: permission denied
`
	if got := trimmed(stdout); !strings.HasPrefix(got, want) {
		t.Errorf("status wrote\n%swant\n%s", got, want)
	}
}

// TestStatusOfSilentEtcd shows that nothing is said of users that is not known.
func TestStatusOfSilentEtcd(t *testing.T) {
	t.Parallel()
	etcd := healthyEtcd()
	etcd.read, etcd.write = context.DeadlineExceeded, context.DeadlineExceeded
	stdout, _ := newShop().beside(t, etcd, exitOK, "status")
	const want = `
USER  BELOW     READ  WRITE  ERROR
-     /roster/  no    no     timed out
`
	if got := trimmed(stdout); !strings.Contains(got, want) {
		t.Errorf("status wrote\n%swant\n%s", got, want)
	}
}

// TestStatusShowsWhatItCan shows that etcd's and the registry's faults leave the rest.
func TestStatusShowsWhatItCan(t *testing.T) {
	t.Parallel()
	s := withOrders(t)
	s.store.SetState(memory.Forbidding)
	dns := startDNS(t, at(1))
	stdout, stderr := s.beside(t, healthyEtcd(), exitPermission, "status", "--server", dns.addr)
	if !strings.Contains(stdout, "3.7.3") || !strings.Contains(stdout, dns.addr) || strings.Contains(stdout, "SERVICES") {
		t.Errorf("status wrote\n%s", stdout)
	}
	if !strings.HasPrefix(stderr, "registrar: reading the registry: permission denied: ") {
		t.Errorf("status said %q", stderr)
	}
	s.store.SetState(memory.Up)
	etcd := healthyEtcd()
	etcd.membersErr = errors.New("not allowed")
	if _, stderr = s.beside(t, etcd, exitOK, "status"); stderr != "registrar: other members are not shown: not allowed\n" {
		t.Errorf("status said %q", stderr)
	}
	etcd.statusErr = errors.New("handshake failed")
	stdout, stderr = s.beside(t, etcd, exitOK, "status")
	if !strings.Contains(stdout, "handshake failed") || !strings.Contains(stdout, "SERVICES") || stderr != "" {
		t.Errorf("status wrote\n%sand said %q", stdout, stderr)
	}
}
