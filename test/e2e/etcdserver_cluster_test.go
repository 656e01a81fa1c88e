package e2e_test

import (
	"fmt"
	"slices"
	"strings"
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
	c := startServers(t, 3)
	c.all.register(t, "orders", "a", "127.0.0.1", "--lease", "60s")
	ids := []string{"a"}
	for _, s := range c.members {
		harness.Eventually(t, harness.Patience, "a in DNS", s.sees(t, "orders", ids...))
	}
	for i, killed := range c.members {
		others := slices.Delete(slices.Clone(c.members), i, i+1)
		var asked []*streams
		for _, s := range others {
			asked = append(asked, startStreams(t, s, 2))
		}
		leader := c.leader(t)
		killed.dns.Kill()

		id := fmt.Sprintf("b%d", i)
		ids = append(ids, id)
		c.all.register(t, "orders", id, "127.0.0.1", "--lease", "60s")
		for _, s := range others {
			took := harness.Eventually(t, harness.Patience, id+" in DNS", s.sees(t, "orders", ids...))
			t.Logf("server %d (leader: %t) is down: what was registered shows %v later", i, leader == i, took)
		}
		killed.dns.Launch(t, c.corefiles[i])
		killed.dns.WaitReady(t)
		took := harness.Eventually(t, harness.Patience, "all in DNS again", killed.sees(t, "orders", ids...))
		t.Logf("server %d is back: shows all %v after it is ready", i, took)
		for _, st := range asked {
			if n, err := st.stop(); err != nil {
				t.Errorf("of %d queries one failed while server %d was down: %v", n, i, err)
			}
		}
	}
	if stored := c.all.stored(t); len(stored) != len(ids) {
		t.Errorf("stored: %v, want %q", stored, ids)
	}
}

// servers are coredns processes whose etcds are one cluster.
type servers struct {
	members   []*system
	corefiles []string
	all       *system // with the etcd of whoever is there; it has no dns
}

// newServers prepares servers that are yet to be started.
func newServers(t *testing.T, n int) *servers {
	t.Helper()
	certs := harness.NewCerts(t)
	c := &servers{}
	var cluster, endpoints []string
	for i := range n {
		d := harness.NewCoreDNS(t)
		c.members = append(c.members, &system{dns: d})
		cluster = append(cluster, fmt.Sprintf("ns%d=https://127.0.0.1:%d", i, d.Port(t, "peer")))
		endpoints = append(endpoints, fmt.Sprintf("https://127.0.0.1:%d", d.Port(t, "etcd")))
	}
	for i := range n {
		c.corefiles = append(c.corefiles, fmt.Sprintf(block+`
	etcdserver {{dir}}/etcd {
		name ns%d
		listen_client %s
		listen_peer https://127.0.0.1:{{port "peer"}}
		initial_cluster %s
		tls %s %s %s
		peer_tls %s %s %s
	}
	roster {
		endpoint %s
		tls %s %s %s
	}
}
`, i, endpoints[i], strings.Join(cluster, ","), certs.ServerCert, certs.ServerKey, certs.CA, certs.ServerCert, certs.ServerKey, certs.CA,
			endpoints[i], certs.ClientCert, certs.ClientKey, certs.CA))
	}
	client, err := clientv3.New(clientv3.Config{Endpoints: endpoints, TLS: certs.ClientTLS(t), Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	flags := []string{
		"--endpoints", strings.Join(endpoints, ","),
		"--cert", certs.ClientCert, "--key", certs.ClientKey, "--cacert", certs.CA,
	}
	c.all = &system{flags: flags, etcd: client}
	return c
}

// startServers starts servers one after the other, and waits until all are ready.
func startServers(t *testing.T, n int) *servers {
	t.Helper()
	c := newServers(t, n)
	for i, s := range c.members {
		s.dns.Launch(t, c.corefiles[i])
	}
	for _, s := range c.members {
		s.dns.WaitReady(t)
	}
	return c
}

// leader is the index of the member that is the leader, or -1.
func (c *servers) leader(t *testing.T) int {
	t.Helper()
	for i, s := range c.members {
		if s.dns.Metrics(t).Sum("etcd_server_is_leader") == 1 {
			return i
		}
	}
	return -1
}
