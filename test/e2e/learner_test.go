package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rosterdns/roster/test/harness"
)

// TestLearnerAmongEndpoints names a member that answers neither reads nor watches
// first among the endpoints: commands and DNS servers go to the voter, and a
// server says so once. There are several of each, since which member a client
// tries first is a matter of chance.
func TestLearnerAmongEndpoints(t *testing.T) {
	t.Parallel()
	const commands, servers = 6, 4
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	endpoints := []string{e.StartLearner(t).Endpoint(), e.Endpoints[0]}
	flags := []string{"--endpoints", strings.Join(endpoints, ",")}
	var all []*system
	for range servers {
		c := harness.StartCoreDNS(t, block+"\troster {\n\t\tendpoint "+strings.Join(endpoints, " ")+"\n\t}\n}\n")
		all = append(all, &system{dns: c, flags: flags, etcd: e.Client()})
	}
	all[0].register(t, "orders", "a", "127.0.0.1")
	for range commands {
		if p, code := all[0].run(t, "list"); code != 0 {
			t.Errorf("%s: exit code %d, wrote:\n%s", p, code, p.Output())
		}
	}
	// Without a watch that stands, each of these shows by a list.
	const changes, few = 10, 3
	for n := range changes {
		id := fmt.Sprintf("b%d", n)
		value := `{"addresses":["127.0.0.2"],"ports":[{"name":"http","port":8080}],"static":true}`
		if _, err := e.Client().Put(t.Context(), "/roster/default/orders/"+id, value); err != nil {
			t.Fatal(err)
		}
		for _, s := range all {
			harness.Eventually(t, harness.Patience, id+" in DNS", s.sees(t, "orders", "a", id))
		}
		if _, err := e.Client().Delete(t.Context(), "/roster/default/orders/"+id); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range all {
		if lists := s.dns.Metrics(t).Sum("coredns_roster_lists_total"); lists > few {
			t.Errorf("server %d: %v lists for %d changes, want %d at most: the watch does not stand", i, lists, changes, few)
		}
		if lines := harness.Lines(s.dns.Output(), "learner"); len(lines) > 1 {
			t.Errorf("server %d: the log says %q of the learner, want one line", i, lines)
		}
	}
}
