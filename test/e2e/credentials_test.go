package e2e_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rosterdns/roster/test/harness"
)

// startGRPCProxy starts etcd's own gRPC proxy, behind which a watch is silent
// while nothing changes, and returns its URL.
func startGRPCProxy(t *testing.T, e *harness.Etcd) string {
	t.Helper()
	addr := harness.FreeAddr(t)
	harness.Start(t, harness.Command{Name: "grpc-proxy", Path: harness.Binary(t, "etcd"), Args: []string{
		"grpc-proxy", "start", "--endpoints=" + strings.TrimPrefix(e.Endpoints[0], "http://"),
		"--listen-addr=" + addr, "--advertise-client-url=" + addr,
	}})
	return "http://" + addr
}

// TestCredentialsUnreadable removes the credentials file of a server whose watch is
// silent: it goes on with the last ones for all that it asks, stays live, and says
// so once.
func TestCredentialsUnreadable(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{Auth: true})
	file := secret(t, harness.Reader.Name+"\n"+harness.Reader.Password+"\n")
	c := harness.StartCoreDNS(t, block+"\troster {\n\t\tendpoint "+startGRPCProxy(t, e)+"\n\t\tcredentials_file "+file+"\n\t}\n}\n")
	s := &system{dns: c}
	put := func(id string) {
		t.Helper()
		value := `{"addresses":["127.0.0.1"],"ports":[{"name":"http","port":8080}],"static":true}`
		if _, err := e.Client().Put(t.Context(), "/roster/default/orders/"+id, value); err != nil {
			t.Fatal(err)
		}
	}
	put("a")
	harness.Eventually(t, harness.Patience, "a in DNS", s.sees(t, "orders", "a"))
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	harness.Elapse(t, 15*time.Second) // longer than a mirror without contact is live
	harness.Eventually(t, time.Second, "the mirror being live", harness.MirrorState(t, c.Addr(t), zone, "live"))
	put("b")
	harness.Eventually(t, harness.Patience, "b in DNS", s.sees(t, "orders", "a", "b"))
	if lines := harness.Lines(c.Output(), file); len(lines) != 1 {
		t.Errorf("logged %q, want one line that names the file", lines)
	}
}
