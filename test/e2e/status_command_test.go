package e2e_test

import (
	"encoding/json"
	"strings"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/harness"
)

// statusShown is what the tests read of `registrar status -o json`.
type statusShown struct {
	Etcd []struct {
		Endpoint, Name, Version, Role, Error string
		Revision, Size, Quota                int64
	}
	User struct {
		Authentication, Read, Write bool
		Error                       string
	}
	Registry *struct {
		Services, Instances, Up, Draining, Down int
		Overrides                               []struct {
			Instance, Status, Reason, Error string
			InstanceStatus                  string `json:"instance_status"`
		}
		Skipped []struct{ Key, Reason, Error string }
	}
	DNS []struct {
		Server, State string
		Behind        int64
		Instances     int
		Error         string
	}
}

// status runs `registrar status`.
func (s *system) status(t *testing.T, wantCode int, args ...string) (shown statusShown) {
	t.Helper()
	p, code := s.run(t, append([]string{"status", "-o", "json", "--server", s.dns.Addr(t)}, args...)...)
	if err := json.Unmarshal([]byte(p.Stdout()), &shown); err != nil || code != wantCode {
		t.Fatalf("%s: exit code %d, want %d, %v, wrote:\n%s", p, code, wantCode, err, p.Output())
	}
	return shown
}

// TestStatusCommand runs `registrar status` on every kind of system.
func TestStatusCommand(t *testing.T) {
	t.Parallel()
	for name, start := range systems {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.register(t, "orders", "a", "127.0.0.1")
			harness.Eventually(t, harness.Patience, "a in DNS", s.sees(t, "orders", "a"))
			shown := s.status(t, 0)
			leaders := 0
			for _, m := range shown.Etcd {
				if m.Error != "" || m.Name == "" || !strings.HasPrefix(m.Version, "3.") || m.Revision == 0 || m.Size == 0 || m.Quota == 0 {
					t.Errorf("member %+v", m)
				}
				if m.Role == "leader" {
					leaders++
				}
			}
			if leaders != 1 {
				t.Errorf("%d leaders of %+v", leaders, shown.Etcd)
			}
			if u := shown.User; u.Authentication != strings.HasPrefix(name, "user") || !u.Read || !u.Write || u.Error != "" {
				t.Errorf("user %+v", u)
			}
			if r := shown.Registry; r == nil || r.Services != 1 || r.Instances != 1 || r.Up != 1 || len(r.Overrides)+len(r.Skipped) != 0 {
				t.Errorf("registry %+v", r)
			}
			if d := shown.DNS; len(d) != 1 || d[0].State != "live" || d[0].Behind != 0 || d[0].Instances != 1 || d[0].Error != "" {
				t.Errorf("DNS %+v", d)
			}
		})
	}
}

// TestRightsShown shows that status tells what a user may do, and changes nothing to find
// out.
func TestRightsShown(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{Auth: true})
	s := external(t, e, "credentials "+harness.Reader.Name+" "+harness.Reader.Password,
		"--endpoints", e.Endpoints[0], "--user", harness.Reader.Name, "--password-file", secret(t, harness.Reader.Password))
	if u := s.status(t, 0).User; !u.Authentication || !u.Read || u.Write || !strings.Contains(u.Error, "permission denied") {
		t.Errorf("the reader: %+v", u)
	}
	shown := s.status(t, 5, "--prefix", "/other")
	if u := shown.User; u.Read || u.Write || shown.Registry != nil || len(shown.Etcd) != 1 || shown.Etcd[0].Error != "" {
		t.Errorf("elsewhere: %+v", shown)
	}
	s.flags = writerFlags(t, e)
	if u := s.status(t, 0).User; !u.Read || !u.Write {
		t.Errorf("the writer: %+v", u)
	}
	resp, err := e.Client().Get(t.Context(), "/", clientv3.WithPrefix())
	if err != nil || len(resp.Kvs) != 0 {
		t.Errorf("etcd has %v, %v; want nothing", resp, err)
	}
}

// TestOverridesShown is about overrides that were written by hand: `status` and
// `get -o wide` show them with their reasons, unreadable and orphaned ones too.
func TestOverridesShown(t *testing.T) {
	t.Parallel()
	s := systems["external"](t)
	s.register(t, "orders", "a", "127.0.0.1")
	s.register(t, "orders", "b", "127.0.0.2")
	s.write(t, "orders/_status/a", `{status:"down"}`)
	s.write(t, "orders/_status/gone", `{"status":"draining","reason":"disk broken"}`)
	s.write(t, "orders/unleased", `{"addresses":["127.0.0.3"]}`)
	r := s.status(t, 0).Registry
	if len(r.Overrides) != 2 || len(r.Skipped) != 2 || r.Up != 1 || r.Down != 1 {
		t.Fatalf("status shows %+v", r)
	}
	if o := r.Overrides[0]; o.Instance != "default/orders/a" || o.Status != "down" || o.InstanceStatus != "up" || o.Error == "" {
		t.Errorf("the unreadable one: %+v", o)
	}
	if o := r.Overrides[1]; o.Instance != "default/orders/gone" || o.Status != "draining" || o.Reason != "disk broken" || o.InstanceStatus != "missing" {
		t.Errorf("the orphaned one: %+v", o)
	}
	if k := r.Skipped[1]; k.Key != "default/orders/unleased" || k.Reason != "lease" || !strings.Contains(k.Error, "no lease") {
		t.Errorf("skipped: %+v", k)
	}
	p, code := s.run(t, "get", "orders", "-o", "wide")
	for _, want := range []string{"\na     down      up        (unreadable: ", "\ngone  draining  missing   disk broken\n"} {
		if code != 0 || !strings.Contains(p.Stdout(), want) {
			t.Errorf("%s: exit code %d, want %q in what it wrote:\n%s", p, code, want, p.Output())
		}
	}
	if p, code := s.run(t, "undrain", "orders", "a", "gone"); code != 0 {
		t.Errorf("%s: exit code %d, wrote:\n%s", p, code, p.Output())
	}
	harness.Eventually(t, harness.Patience, "both in DNS", s.sees(t, "orders", "a", "b"))
}
