package e2e_test

import (
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/rosterdns/roster/test/harness"
)

// TestUnreadableOverride writes an override that can't be read: whoever wrote it
// wanted the instance out, which answers by its own name only, until the override
// is deleted.
func TestUnreadableOverride(t *testing.T) {
	t.Parallel()
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	s := external(t, e, "", "--endpoints", e.Endpoints[0])
	s.register(t, "orders", "a", "127.0.0.1")
	s.register(t, "orders", "b", "127.0.0.2")
	harness.Eventually(t, harness.Patience, "both in DNS", s.sees(t, "orders", "a", "b"))
	const key = "/roster/default/orders/_status/a"
	if _, err := e.Client().Put(t.Context(), key, `{status:"down"}`); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, harness.Patience, "a out of the service", s.sees(t, "orders", "b"))
	s.agree(t, "orders", "b")
	if m := s.dns.Ask(t, "a.orders.default."+zone, dns.TypeA); m.Rcode != dns.RcodeSuccess || len(m.Answer) != 1 {
		t.Errorf("the instance's own name: %s", harness.Render(m))
	}
	if p, code := s.run(t, "get", "orders?status=any", "-o", "jsonl"); code != 0 || strings.Count(p.Stdout(), `"status":"down"`) != 1 {
		t.Errorf("%s: exit code %d, want a down, wrote:\n%s", p, code, p.Output())
	}
	if _, err := e.Client().Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, harness.Patience, "a back", s.sees(t, "orders", "a", "b"))
	s.agree(t, "orders", "a", "b")
}
