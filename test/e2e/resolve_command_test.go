package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// resolve runs `registrar resolve` with the server of the system.
func (s *system) resolve(t *testing.T, name string, args ...string) (p *harness.Process, code int) {
	t.Helper()
	return s.run(t, append([]string{"resolve", name, "--server", s.dns.Addr(t)}, args...)...)
}

// TestResolveCommand shows that DNS answers what `registrar resolve` says that it has
// to, for each kind of name, instance and policy.
func TestResolveCommand(t *testing.T) {
	t.Parallel()
	s := systems["external"](t)
	for _, kv := range []string{
		`orders/a {"addresses":["10.0.0.1","2001:db8::1"],"ports":[{"name":"http","port":80},{"port":53,"protocol":"udp"}],"locality":"az1","tags":["canary","blue"],"static":true}`,
		`orders/b {"addresses":["10.0.0.2"],"ports":[{"name":"http","port":80}],"priority":5,"weight":7,"locality":"az2","static":true}`,
		`orders/c {"addresses":["10.0.0.3"],"ports":[{"name":"http","port":80}],"static":true}`,
		`orders/_status/c {"status":"draining"}`,
		`orders/h {"host":"DB.example.com","ports":[{"name":"http","port":8080}],"locality":"az3","static":true}`,
		`host/h {"host":"db.example.com","ports":[{"port":5432}],"static":true}`,
		`idle/a {"addresses":["10.0.0.4"],"status":"down","static":true}`,
		`open/a {"addresses":["10.0.0.5"],"status":"down","static":true}`,
		`open/_policy {"min_up":1}`,
		`other/_policy {"alias":"default/orders"}`,
		`some/_policy {"alias":"default/many","max_answers":3}`,
		`spare/a {"addresses":["10.0.0.6"],"status":"draining","static":true}`,
		`spare/_policy {"failover":["default/idle","default/orders"]}`,
	} {
		key, value, _ := strings.Cut(kv, " ")
		s.write(t, key, value)
	}
	for i := range 100 { // more than a UDP message has room for
		s.write(t, fmt.Sprintf("many/i%d", i), fmt.Sprintf(`{"addresses":["10.1.0.%d"],"ports":[{"name":"http","port":80}],"static":true}`, i+1))
	}
	harness.Eventually(t, harness.Patience, "the last one in DNS", func() error {
		_, code := s.resolve(t, "many")
		return differ("exit code", code, 0)
	})
	names := []string{
		"orders", "other", "host", "open", "some", "spare",
		"orders?tag=canary&tag=blue", "orders?locality=az2", "orders?prefer=az3", "other?prefer=az9",
	}
	for _, domain := range []string{
		"a.orders", "c.orders", "h.orders", "_http._tcp.orders", "_8080._tcp.orders", "_53._udp.az2.prefer._zone.orders",
		"_http._tcp.az2.prefer._zone.other", "az3.pin._zone.orders", "canary._tag.az1.pin._zone.orders", "_5432._tcp.host", "_http._tcp.some",
	} {
		names = append(names, domain+".default."+zone)
	}
	for _, name := range names {
		if p, code := s.resolve(t, name); code != 0 {
			t.Errorf("%s: exit code %d, wrote:\n%s", p, code, p.Output())
		}
	}
	for _, name := range []string{"nope", "idle", "orders?locality=az9", "x.orders.default." + zone} {
		if p, code := s.resolve(t, name); code != 3 || !strings.Contains(p.Output(), "neither") {
			t.Errorf("%s: exit code %d, want 3, wrote:\n%s", p, code, p.Output())
		}
	}
}

// TestResolveCommandDiffers compares DNS with a registry that it doesn't answer from.
func TestResolveCommandDiffers(t *testing.T) {
	t.Parallel()
	s := systems["external"](t)
	s.register(t, "orders", "a", "127.0.0.1")
	harness.Eventually(t, harness.Patience, "a in DNS", s.sees(t, "orders", "a"))
	p, code := s.resolve(t, "orders", "--prefix", "/other")
	if code != 1 || strings.Count(p.Stdout(), " yes  no\n") != 2 || !strings.Contains(p.Output(), " and etcd differ in 2 of 2 records") {
		t.Errorf("%s: exit code %d, want 1, wrote:\n%s", p, code, p.Output())
	}
}
