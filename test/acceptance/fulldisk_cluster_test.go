//go:build acceptance

package acceptance_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"

	"github.com/rosterdns/roster/test/harness"
)

// TestDiskFullInCluster fills the disk of the leader of three until its etcd is
// down: all three servers go on answering, and registrations go on through the
// other two. Once there is space it comes back, and counts: it makes the majority
// when one of the others is killed.
func TestDiskFullInCluster(t *testing.T) {
	need(t, "mount", "umount")
	c := harness.NewServers(t, 3)
	victim, other := c.Members[0], c.Members[1]
	disk := filepath.Join(victim.Dir(), "disk")
	mountTmpfs(t, disk)
	c.Start(t)
	makeLeader(t, c, 0)
	register(t, c, "before")
	var asked []*queries
	for _, m := range c.Members {
		harness.Eventually(t, harness.Patience, "the registration in DNS", sees(t, m, "before"))
		asked = append(asked, startQueries(t, m.Addr(t), "before.orders.default.svc.internal"))
	}

	ballast := fill(t, disk)
	victim.WaitOutput(t, harness.Patience, "is nearly full", 1)
	own := connect(t, c, 0)
	n := 0
	harness.Eventually(t, harness.Patience, "the etcd of the full disk down", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		n++
		if err := growLog(ctx, own, n); err == nil {
			return errors.New("etcd writes")
		}
		return metric(t, victim, "coredns_etcdserver_up", 0)()
	})
	victim.WaitOutput(t, harness.Patience, `" failed: `, 1)
	register(t, c, "meanwhile")
	for _, m := range c.Members[1:] {
		harness.Eventually(t, harness.Patience, "in DNS of the others", sees(t, m, "meanwhile"))
	}

	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	freed := time.Now()
	harness.Eventually(t, time.Minute, "caught up", sees(t, victim, "meanwhile"))
	t.Logf("the server has caught up %v after there is space", time.Since(freed).Round(time.Millisecond))
	harness.Eventually(t, harness.Patience, "etcd up", metric(t, victim, "coredns_etcdserver_up", 1))
	for i, q := range asked {
		t.Logf("server %d:", i)
		q.stop(t)
	}
	other.Kill()
	register(t, c, "after")
	for _, m := range []*harness.CoreDNS{victim, c.Members[2]} {
		harness.Eventually(t, harness.Patience, "in DNS of the two that are left", sees(t, m, "after"))
	}
}

// connect returns a client of one member.
func connect(t *testing.T, c *harness.Servers, member int) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{
		Endpoints: c.Endpoints[member : member+1], TLS: c.Certs.ClientTLS(t), Logger: zap.NewNop(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// makeLeader makes a member the leader.
func makeLeader(t *testing.T, c *harness.Servers, member int) {
	t.Helper()
	harness.Eventually(t, harness.Patience, "the leader", func() error {
		leader := c.Leader(t)
		if leader == member {
			return nil
		}
		if leader < 0 {
			return errors.New("no leader")
		}
		ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
		defer cancel()
		status, err := connect(t, c, member).Status(ctx, c.Endpoints[member])
		if err != nil {
			return err
		}
		if _, err := connect(t, c, leader).MoveLeader(ctx, status.Header.MemberId); err != nil {
			return err
		}
		return errors.New("moved")
	})
}

// register registers an instance of orders in any member.
func register(t *testing.T, c *harness.Servers, id string) {
	t.Helper()
	args := append([]string{"register", "orders", "--id", id, "--address", "127.0.0.1", "--port", "http:8080", "--lease", "60s"},
		c.Flags()...)
	p := harness.Registrar(t, args...)
	p.WaitOutput(t, harness.Patience, "registered default/orders/"+id, 1)
}
