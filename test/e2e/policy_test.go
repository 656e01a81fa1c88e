package e2e_test

import (
	"context"
	"errors"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// write writes a key of the namespace default, as etcdctl would.
func (s *system) write(t *testing.T, key, value string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	if _, err := s.etcd.Put(ctx, "/roster/default/"+key, value); err != nil {
		t.Fatal(err)
	}
}

// remove deletes a key of the namespace default.
func (s *system) remove(t *testing.T, key string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	if _, err := s.etcd.Delete(ctx, "/roster/default/"+key); err != nil {
		t.Fatal(err)
	}
}

// putPolicy writes the policy of a service.
func (s *system) putPolicy(t *testing.T, service, policy string) {
	t.Helper()
	s.write(t, service+"/_policy", policy)
}

// answers waits until these instances answer for a service in DNS, and checks that
// `registrar get` shows the same.
func (s *system) answers(t *testing.T, what, service string, ids ...string) {
	t.Helper()
	took := harness.Eventually(t, harness.Patience, what, s.sees(t, service, ids...))
	t.Logf("%s: after %v", what, took)
	harness.Within(t, what, took, visibleBound)
	var got []string
	for _, in := range s.get(t, service) {
		got = append(got, in.ID)
	}
	if err := differ("get shows", got, ids); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// rcode is a condition: questions for the addresses of a service get this code and no
// address.
func (s *system) rcode(t *testing.T, service string, want int) func() error {
	t.Helper()
	return func() error {
		m := s.dns.Ask(t, service+".default."+zone, dns.TypeA)
		return errors.Join(
			differ("code of "+service, dns.RcodeToString[m.Rcode], dns.RcodeToString[want]),
			differ("addresses of "+service, len(m.Answer), 0),
		)
	}
}

// TestPolicyAlias writes a policy as etcdctl would: a service without instances is
// answered from another one, and changes with it, until the policy goes.
func TestPolicyAlias(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(*testing.T) *system{"builtin": systems["builtin"], "external": systems["external"]} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.register(t, "web", "a", "127.0.0.1")
			s.agree(t, "shop")
			s.putPolicy(t, "shop", `{"alias":"default/web","ttl":3}`)
			s.answers(t, "the alias in DNS", "shop", "a")
			m := s.dns.Ask(t, srvName("shop"), dns.TypeSRV)
			if err := errors.Join(
				differ("TTL", ttlOf(m), 3),
				differ("SRV", harness.Records(m.Answer), []string{srvName("shop") + " IN SRV 0 100 8080 a.web.default." + zone}),
				differ("glue", harness.Records(m.Extra), []string{"a.web.default." + zone + " IN A 127.0.0.1"}),
			); err != nil {
				t.Error(err)
			}
			s.register(t, "web", "b", "127.0.0.2")
			s.answers(t, "a new instance of the other service", "shop", "a", "b")

			s.remove(t, "shop/_policy")
			harness.Eventually(t, harness.Patience, "the end of the alias", s.rcode(t, "shop", dns.RcodeNameError))
			s.agree(t, "shop")
			s.agree(t, "web", "a", "b")
		})
	}
}

// TestPolicyFailover: another service answers while nobody of the first is left, and
// no longer.
func TestPolicyFailover(t *testing.T) {
	t.Parallel()
	s := systems["external"](t)
	s.register(t, "backup", "spare", "127.0.0.9")
	s.putPolicy(t, "orders", `{"failover":["default/none","default/backup"]}`)
	s.answers(t, "failover of a service without an instance", "orders", "spare")

	a := s.register(t, "orders", "a", "127.0.0.1")
	s.answers(t, "its first instance", "orders", "a")
	if code := a.Stop(t); code != 0 {
		t.Errorf("registrar: exit code %d on TERM, want 0", code)
	}
	s.answers(t, "failover when the last one is unregistered", "orders", "spare")

	b := s.register(t, "orders", "b", "127.0.0.2")
	s.answers(t, "an instance again", "orders", "b")
	b.Kill()
	took := harness.Eventually(t, harness.Patience, "failover when the last one is killed", s.sees(t, "orders", "spare"))
	harness.Within(t, "failover after kill -9", took, expiryBound)
	s.answers(t, "the other service", "orders", "spare")
}

// TestPolicyMinUp: with fewer instances up than the policy demands, those that are out
// of service answer too.
func TestPolicyMinUp(t *testing.T) {
	t.Parallel()
	s := systems["external"](t)
	s.register(t, "orders", "a", "127.0.0.1")
	s.register(t, "orders", "b", "127.0.0.2")
	s.answers(t, "both", "orders", "a", "b")
	s.write(t, "orders/_status/a", `{"status":"draining"}`)
	s.answers(t, "the one that is up", "orders", "b")
	s.putPolicy(t, "orders", `{"min_up":1}`)
	s.write(t, "orders/_status/b", `{"status":"down"}`)
	s.answers(t, "all, since none is up", "orders", "a", "b")
	s.putPolicy(t, "orders", `{"min_up":0}`)
	harness.Eventually(t, harness.Patience, "none, since none has to be up", s.rcode(t, "orders", dns.RcodeSuccess))
	s.remove(t, "orders/_status/b")
	s.answers(t, "the one that is up again", "orders", "b")
}
