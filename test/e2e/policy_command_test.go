package e2e_test

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// standardTTL is that of a server whose Corefile states none, in seconds.
const standardTTL = 5

// policy runs `registrar policy` with arguments.
func (s *system) policy(t *testing.T, args ...string) {
	t.Helper()
	if p, code := s.run(t, append([]string{"policy"}, args...)...); code != 0 {
		t.Fatalf("%s: exit code %d, wrote:\n%s", p, code, p.Output())
	}
}

// srvs is a condition: so many records answer for a service in DNS, with this TTL.
func (s *system) srvs(t *testing.T, service string, records, ttl int) func() error {
	t.Helper()
	return func() error {
		m := s.dns.Ask(t, srvName(service), dns.TypeSRV)
		if err := differ("records of "+service, len(m.Answer), records); err != nil {
			return err
		}
		return differ("TTL of "+service, ttlOf(m), ttl)
	}
}

// TestPolicyOfCommand sets each member of a policy by the command: DNS answers by it, and
// as before once it is unset.
func TestPolicyOfCommand(t *testing.T) {
	t.Parallel()
	s := systems["external"](t)
	s.register(t, "orders", "a", "127.0.0.1")
	s.register(t, "orders", "b", "127.0.0.2")
	s.register(t, "web", "w", "127.0.0.3")
	last := s.register(t, "once", "o", "127.0.0.4")
	shown := func(what string, shown func() error) {
		t.Helper()
		took := harness.Eventually(t, harness.Patience, what, shown)
		harness.Within(t, what, took, visibleBound)
	}
	shown("no policy", s.srvs(t, "orders", 2, standardTTL))

	s.policy(t, "set", "orders", "--ttl", "3")
	shown("ttl", s.srvs(t, "orders", 2, 3))
	s.policy(t, "set", "orders", "--max-answers", "1", "--unset", "ttl")
	shown("max_answers", s.srvs(t, "orders", 1, standardTTL))
	s.policy(t, "delete", "orders")
	shown("the end of the policy", s.srvs(t, "orders", 2, standardTTL))

	s.write(t, "orders/_status/a", `{"status":"draining"}`)
	shown("one that is draining", s.sees(t, "orders", "b"))
	s.policy(t, "set", "orders", "--min-up", "2")
	shown("min_up", s.sees(t, "orders", "a", "b"))
	s.policy(t, "set", "orders", "--unset", "min-up")
	shown("min_up unset", s.sees(t, "orders", "b"))

	s.policy(t, "set", "orders", "--alias", "default/web")
	shown("alias", s.sees(t, "orders", "w"))
	s.policy(t, "set", "orders", "--unset", "alias", "--failover", "default/web")
	shown("alias unset", s.sees(t, "orders", "b"))
	s.write(t, "orders/_status/b", `{"status":"down"}`)
	shown("failover", s.sees(t, "orders", "w"))
	s.policy(t, "delete", "orders")
	shown("failover deleted", s.rcode(t, "orders", dns.RcodeSuccess))

	s.policy(t, "set", "once", "--keep-last", "3600")
	s.killLastOf(t, last)
	shown("keep_last", s.sees(t, "once", "o"))
	s.policy(t, "set", "once", "--keep-last", "0")
	shown("keep_last off", s.rcode(t, "once", dns.RcodeNameError))
}
