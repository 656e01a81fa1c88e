package e2e_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/test/harness"
)

// secured is an etcd with users, and a DNS server whose user has the role of rbac.
type secured struct {
	*system
	etcd *harness.Etcd
}

// startSecured makes roles by the command: of the users dns (the whole registry), prod (a
// namespace) and orders (a service, and to read another namespace).
func startSecured(t *testing.T) *secured {
	t.Helper()
	e := harness.StartEtcd(t, harness.EtcdOptions{Auth: true})
	s := &secured{system: &system{}, etcd: e}
	for _, user := range []string{"dns", "prod", "orders", "nobody"} {
		if _, err := e.Client().UserAdd(t.Context(), user, user+"-secret"); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"dns", "--role", "r-dns", "--grant-to", "dns"},
		{"registrar", "-n", "prod", "--role", "r-prod", "--grant-to", "prod"},
		{"registrar", "default/orders", "--read", "prod", "--role", "r-orders", "--grant-to", "orders"},
	} {
		for range 2 { // it can be repeated
			s.as(t, "root", 0, append(append([]string{"rbac"}, args...), "--apply")...)
			if t.Failed() {
				t.FailNow()
			}
		}
	}
	s.dns = harness.StartCoreDNS(t, block+"\troster {\n\t\tendpoint "+e.Endpoints[0]+"\n\t\tcredentials dns dns-secret\n\t\tstartup_timeout 5s\n\t}\n}\n")
	return s
}

// as runs the command as a user, and checks its exit code.
func (s *secured) as(t *testing.T, user string, want int, args ...string) (output string) {
	t.Helper()
	args = append([]string{"--endpoints", s.etcd.Endpoints[0], "--user", user, "--password-file", secret(t, user+"-secret"), "--timeout", "10s"}, args...)
	p := harness.Registrar(t, args...)
	if code := p.Wait(t, harness.Patience); code != want {
		t.Errorf("%s: exit code %d, want %d; wrote:\n%s", p, code, want, p.Output())
	}
	return p.Output()
}

// client returns a client of etcd's as a user.
func (s *secured) client(t *testing.T, user string) *clientv3.Client {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{Endpoints: s.etcd.Endpoints, Username: user, Password: user + "-secret", DialTimeout: harness.Patience})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// TestRoles shows that with the roles of rbac each part does its work: the DNS server
// serves, audits and survives a new connection; registrars register, find, drain, set
// policies, export, import and unregister, by lease and static.
func TestRoles(t *testing.T) {
	t.Parallel()
	s := startSecured(t)
	c, err := registrar.Open(t.Context(), "etcd", registrar.WithEndpoints(s.etcd.Endpoints...), registrar.WithCredentials("orders", "orders-secret"), registrar.WithLeaseTTL(5*time.Second), harness.LogTo(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	service, err := registrar.ParseName("orders", "default")
	if err != nil {
		t.Fatal(err)
	}
	orders := &registrar.Service{Namespace: service.Namespace, Name: service.Service, Instances: []registrar.Instance{{ID: "a", Host: "a.example.com", Ports: []registrar.Port{{Name: "http", Port: 80}}}}}
	if err := c.Register(t.Context(), orders); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, harness.Patience, "the instance in DNS", s.sees(t, "orders", "a"))

	s.as(t, "orders", 0, "policy", "set", "orders", "--ttl", "9")
	s.as(t, "orders", 0, "register", "orders", "--id", "b", "--host", "b.example.com", "--port", "http:80", "--static")
	s.as(t, "orders", 0, "register", "orders", "--id", "c", "--host", "c.example.com", "--port", "http:80", "--once")
	harness.Eventually(t, harness.Patience, "all in DNS", s.sees(t, "orders", "a", "b", "c"))
	s.as(t, "orders", 0, "get", "orders")
	exported := s.as(t, "orders", 0, "export", "orders")
	if !strings.Contains(exported, `"ttl": 9`) || !strings.Contains(exported, `"id": "b"`) {
		t.Errorf("exported:\n%s", exported)
	}
	if err := c.Drain(t.Context(), orders, "a test"); err != nil {
		t.Error(err)
	}
	harness.Eventually(t, harness.Patience, "the drained one out of DNS", s.sees(t, "orders", "b", "c"))
	if err := c.Undrain(t.Context(), orders); err != nil {
		t.Error(err)
	}
	s.as(t, "orders", 0, "unregister", "orders", "b")
	s.as(t, "prod", 0, "register", "prod/db", "--id", "d", "--host", "d.example.com", "--port", "pg:5432", "--static")
	s.as(t, "prod", 0, "list", "-n", "prod")
	s.as(t, "orders", 0, "get", "prod/db") // by --read

	// The lease is renewed, audited after a lost connection, and revoked.
	s.etcd.Restart(t)
	harness.Eventually(t, harness.Patience, "both in DNS after a restart", s.sees(t, "orders", "a"))
	harness.Eventually(t, harness.Patience, "the server being live", harness.MirrorState(t, s.dns.Addr(t), zone, "live"))
	if err := c.Close(); err != nil {
		t.Error(err)
	}
	harness.Eventually(t, harness.Patience, "nobody left", func() error {
		resp, err := s.etcd.Client().Get(t.Context(), "/roster/default/orders/a")
		if err != nil {
			return err
		}
		return differ("keys", len(resp.Kvs), 0)
	})
}

// TestRolesRefuse shows what the roles can't do.
func TestRolesRefuse(t *testing.T) {
	t.Parallel()
	s := startSecured(t)
	const own, other, outside = "/roster/default/orders/", "/roster/default/cart/", "/other/"
	if _, err := s.etcd.Client().Put(t.Context(), other+"x", "x"); err != nil {
		t.Fatal(err)
	}
	read := func(key string) func(context.Context, *clientv3.Client) error {
		return func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Get(ctx, key, clientv3.WithPrefix())
			return err
		}
	}
	write := func(key string) func(context.Context, *clientv3.Client) error {
		return func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Put(ctx, key, "{}")
			return err
		}
	}
	remove := func(key string) func(context.Context, *clientv3.Client) error {
		return func(ctx context.Context, c *clientv3.Client) error {
			_, err := c.Delete(ctx, key, clientv3.WithPrefix())
			return err
		}
	}
	grant := func(ctx context.Context, c *clientv3.Client) error {
		_, err := c.RoleAdd(ctx, "mine")
		return err
	}
	for _, tt := range []struct {
		user, what string
		do         func(context.Context, *clientv3.Client) error
		allowed    bool
	}{
		{"dns", "read the registry", read("/roster/"), true},
		{"dns", "read what is beside it", read("/roster"), false},
		{"dns", "read all", read("/"), false},
		{"dns", "write", write(own + "x"), false},
		{"dns", "delete", remove(own), false},
		{"dns", "make roles", grant, false},
		{"prod", "read its namespace", read("/roster/prod/"), true},
		{"prod", "write there", write("/roster/prod/any/x"), true},
		{"prod", "delete there", remove("/roster/prod/any/"), true},
		{"prod", "read another namespace", read("/roster/default/"), false},
		{"prod", "write to one with a longer name", write("/roster/prod2/any/x"), false},
		{"prod", "write to another namespace", write(own + "x"), false},
		{"prod", "list the registry", read("/roster/"), false},
		{"prod", "make roles", grant, false},
		{"orders", "read its service", read(own), true},
		{"orders", "write an instance", write(own + "x"), true},
		{"orders", "write an override", write(own + "_status/x"), true},
		{"orders", "write the policy", write(own + "_policy"), true},
		{"orders", "delete them", remove(own), true},
		{"orders", "read what it may", read("/roster/prod/"), true},
		{"orders", "write what it may read", write("/roster/prod/db/x"), false},
		{"orders", "write to another service", write(other + "x"), false},
		{"orders", "delete another service", remove(other), false},
		{"orders", "write to one with a longer name", write("/roster/default/orders2/x"), false},
		{"orders", "read its namespace", read("/roster/default/"), false},
		{"orders", "write outside", write(outside + "x"), false},
		{"orders", "make roles", grant, false},
		{"nobody", "read", read("/roster/"), false},
		{"nobody", "write", write(own + "x"), false},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
		err := tt.do(ctx, s.client(t, tt.user))
		cancel()
		if tt.allowed && err != nil || !tt.allowed && !errors.Is(err, rpctypes.ErrPermissionDenied) {
			t.Errorf("%s: %s: error %v, allowed %v", tt.user, tt.what, err, tt.allowed)
		}
	}
	s.as(t, "orders", 5, "register", "cart", "--id", "x", "--host", "x.example.com", "--port", "80", "--static")
	s.as(t, "orders", 5, "export", "--all-namespaces")
	s.as(t, "prod", 5, "policy", "set", "default/orders", "--ttl", "1")
	s.as(t, "prod", 5, "rbac", "dns", "--apply")
	s.as(t, "root", 3, "rbac", "dns", "--apply", "--grant-to", "absent")
	if out := s.as(t, "root", 0, "rbac", "registrar", "default/cart", "--apply", "--role", "r-orders"); !strings.Contains(out, `role "r-orders" may do more: to revoke it, run: etcdctl role revoke-permission r-orders /roster/default/orders/ /roster/default/orders0`) {
		t.Errorf("it wrote:\n%s", out)
	}
}
