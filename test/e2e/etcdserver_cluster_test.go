package e2e_test

import (
	"fmt"
	"slices"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/rosterdns/roster/test/harness"
)

// TestClusterOverTLS makes a cluster of three coredns with an etcd in each, with
// certificates among them and for clients, and kills each in turn, the leader
// among them: the other two go on answering and accepting, and it comes back.
func TestClusterOverTLS(t *testing.T) {
	t.Parallel()
	c := harness.NewServers(t, 3)
	c.Start(t)
	client, err := clientv3.New(clientv3.Config{Endpoints: c.Endpoints, TLS: c.Certs.ClientTLS(t), Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	all := &system{flags: c.Flags(), etcd: client} // whoever is there
	var members []*system
	for _, d := range c.Members {
		members = append(members, &system{dns: d})
	}
	all.register(t, "orders", "a", "127.0.0.1", "--lease", "60s")
	ids := []string{"a"}
	for _, s := range members {
		harness.Eventually(t, harness.Patience, "a in DNS", s.sees(t, "orders", ids...))
	}
	for i, killed := range members {
		others := slices.Delete(slices.Clone(members), i, i+1)
		var asked []*streams
		for _, s := range others {
			asked = append(asked, startStreams(t, s, 2))
		}
		leader := c.Leader(t)
		killed.dns.Kill()

		id := fmt.Sprintf("b%d", i)
		ids = append(ids, id)
		all.register(t, "orders", id, "127.0.0.1", "--lease", "60s")
		for _, s := range others {
			took := harness.Eventually(t, harness.Patience, id+" in DNS", s.sees(t, "orders", ids...))
			t.Logf("server %d (leader: %t) is down: what was registered shows %v later", i, leader == i, took)
		}
		killed.dns.Launch(t, c.Corefiles[i])
		killed.dns.WaitReady(t)
		took := harness.Eventually(t, harness.Patience, "all in DNS again", killed.sees(t, "orders", ids...))
		t.Logf("server %d is back: shows all %v after it is ready", i, took)
		for _, st := range asked {
			if n, err := st.stop(); err != nil {
				t.Errorf("of %d queries one failed while server %d was down: %v", n, i, err)
			}
		}
	}
	if stored := all.stored(t); len(stored) != len(ids) {
		t.Errorf("stored: %v, want %q", stored, ids)
	}
}
