package e2e_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/harness"
)

// TestWrongEndpoint is of fault 26: what the endpoint is in place of etcd, and what to do.
func TestWrongEndpoint(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	for name, endpoint := range map[string]string{"another HTTP server": other.URL, "etcd's port for peers": e.Members[0].PeerEndpoint()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, address, _ := strings.Cut(endpoint, "//")
			for _, args := range [][]string{{"list"}, {"get", "orders"}, {"register", "orders", "--address", "10.0.0.7", "--port", "80", "--once"}} {
				p := harness.Registrar(t, append(args, "--endpoints", endpoint, "--timeout", "1s")...)
				if code := p.Wait(t, harness.Patience); code != 4 {
					t.Errorf("%s: exit code %d, want 4", p, code)
				}
				says(t, p, address+" is not etcd's port for clients (2379 by default): it answers \"HTTP/1.", "etcd's port for its peers (2380)", "--endpoints")
			}
		})
	}
}

// TestListOfOneNamespace is of fault 26: a user of one namespace learns how to list it.
func TestListOfOneNamespace(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{Auth: true})
	const prefix = "/roster/prod/"
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	for _, do := range []func() error{
		func() error { _, err := e.Client().RoleAdd(ctx, "prod"); return err },
		func() error {
			_, err := e.Client().RoleGrantPermission(ctx, "prod", prefix, clientv3.GetPrefixRangeEnd(prefix), clientv3.PermissionType(clientv3.PermRead))
			return err
		},
		func() error { _, err := e.Client().UserAdd(ctx, "prod", "secret"); return err },
		func() error { _, err := e.Client().UserGrantRole(ctx, "prod", "prod"); return err },
	} {
		if err := do(); err != nil {
			t.Fatal(err)
		}
	}
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	flags := []string{"--endpoints", e.Endpoints[0], "--user", "prod", "--password-file", password}
	p := harness.Registrar(t, append([]string{"list"}, flags...)...)
	if code := p.Wait(t, harness.Patience); code != 5 {
		t.Errorf("%s: exit code %d, want 5", p, code)
	}
	says(t, p, "permission denied", "the user may not read all namespaces: name one with -n")
	p = harness.Registrar(t, append([]string{"list", "-n", "prod"}, flags...)...)
	if code := p.Wait(t, harness.Patience); code != 0 {
		t.Errorf("%s: exit code %d, want 0", p, code)
	}
}

// says fails unless a process wrote one line that has all texts.
func says(t *testing.T, p *harness.Process, texts ...string) {
	t.Helper()
	out := p.Output()
	if strings.Count(out, "\n") != 1 {
		t.Errorf("%s: want one line, wrote:\n%s", p, out)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("%s wrote %q, which lacks %q", p, out, text)
		}
	}
}
