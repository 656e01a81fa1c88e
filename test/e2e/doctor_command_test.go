package e2e_test

import (
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// TestDoctorCommand shows that `registrar doctor` finds nothing wrong with any kind of
// system.
func TestDoctorCommand(t *testing.T) {
	t.Parallel()
	for name, start := range systems {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.register(t, "orders", "a", "127.0.0.1")
			s.register(t, "carts", "b", "127.0.0.2")
			p, code := s.run(t, "doctor", "--server", s.dns.Addr(t), "--timeout", "30s")
			if code != 0 || strings.Contains(p.Stdout(), "warn  ") || strings.Contains(p.Stdout(), "fail  ") {
				t.Errorf("%s: exit code %d, wrote:\n%s", p, code, p.Output())
			}
			for _, want := range []string{", leader\n", "agrees with this machine's\n", "  requests to etcd: median ", "  the registry has 2 services with 2 instances\n", " answers all services (2) as etcd has them\n"} {
				if !strings.Contains(p.Stdout(), want) {
					t.Errorf("it wrote\n%swant %q in it", p.Stdout(), want)
				}
			}
		})
	}
}

// TestDoctorCommandFindsFaults shows what is wrong with a registry whose keys were written
// by hand, a user without rights, a learner, and a server of another registry.
func TestDoctorCommandFindsFaults(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{Auth: true})
	s := external(t, e, "credentials "+harness.Reader.Name+" "+harness.Reader.Password,
		"--endpoints", e.Endpoints[0], "--user", harness.Reader.Name, "--password-file", secret(t, harness.Reader.Password))
	s.write(t, "orders/a", `{"addresses":["127.0.0.1"]}`)
	s.write(t, "orders/b", `{"weight":"heavy"}`)
	s.write(t, "orders/_status/gone", `{"status":"down","reason":"disk broken"}`)
	p, code := s.run(t, "doctor", "--server", s.dns.Addr(t), "--timeout", "30s")
	for _, want := range []string{
		"warn  the user may read below \"/roster/\", but not write — ",
		"warn  key \"/roster/default/orders/a\" is skipped: has no lease ",
		"warn  key \"/roster/default/orders/b\" is skipped: ",
		"warn  override down is left over: instance default/orders/gone is not there, and will be down when it comes: disk broken — registrar undrain default/orders/gone\n",
	} {
		if code != 0 || !strings.Contains(p.Stdout(), want) {
			t.Errorf("%s: exit code %d, want %q in what it wrote:\n%s", p, code, want, p.Output())
		}
	}

	s.flags = writerFlags(t, e)
	p, code = s.run(t, "doctor", "--server", s.dns.Addr(t), "--zone", "example.org", "--prefix", "/other")
	for _, want := range []string{
		"fail  the user may not read below \"/other/\": etcdserver: permission denied — ",
		"fail  the registry can't be read: permission denied: ",
		"fail  DNS server " + s.dns.Addr(t) + ": it answers REFUSED for _status.example.org: check --zone — ",
	} {
		if code != 1 || !strings.Contains(p.Stdout(), want) {
			t.Errorf("%s: exit code %d, want %q in what it wrote:\n%s", p, code, want, p.Output())
		}
	}
}

// TestDoctorCommandOnDifference has DNS answer something else than etcd has, since the
// server lets only some addresses pass.
func TestDoctorCommandOnDifference(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	s := external(t, e, "deny_net 127.0.0.2/32", "--endpoints", e.Endpoints[0])
	s.register(t, "orders", "a", "127.0.0.1")
	s.register(t, "orders", "b", "127.0.0.2")
	p, code := s.run(t, "doctor", "--server", s.dns.Addr(t), "--timeout", "30s")
	if want := "fail  DNS server " + s.dns.Addr(t) + " differs from etcd in default/orders — see how: registrar resolve default/orders --server "; code != 1 || !strings.Contains(p.Stdout(), want) {
		t.Errorf("%s: exit code %d, want %q in what it wrote:\n%s", p, code, want, p.Output())
	}
	p, code = s.resolve(t, "orders")
	if code != 1 || !strings.Contains(p.Stdout(), "127.0.0.2 ") || strings.Count(p.Stdout(), "  no   yes\n") != 2 {
		t.Errorf("%s: exit code %d, wrote:\n%s", p, code, p.Output())
	}
}
