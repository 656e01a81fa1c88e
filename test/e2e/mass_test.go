//go:build timing

package e2e_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"github.com/rosterdns/roster/test/harness"
)

const (
	// massSize is how many instances of one service go at once.
	massSize = 80_000
	// massBound is how long after etcd has removed them the last one may be served.
	massBound = 2 * time.Second
	// fillTime bounds the writing of as many keys as a test needs.
	fillTime = 3 * time.Minute
)

// TestMassRemoved removes all instances of a large service at once: they are gone
// within two seconds, and meanwhile the mirror is never stale and another service
// answers.
func TestMassRemoved(t *testing.T) {
	for name, remove := range map[string]func(context.Context, *clientv3.Client, clientv3.LeaseID) error{
		"deleted": func(ctx context.Context, c *clientv3.Client, _ clientv3.LeaseID) error {
			_, err := c.Delete(ctx, "/roster/default/mass/", clientv3.WithPrefix())
			return err
		},
		"lease revoked": func(ctx context.Context, c *clientv3.Client, lease clientv3.LeaseID) error {
			_, err := c.Revoke(ctx, lease)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := harness.StartEtcd(t, harness.EtcdOptions{})
			s := external(t, e, "stale 10s", "--endpoints", e.Endpoints[0])
			lease, err := e.Client().Grant(t.Context(), 3600)
			if err != nil {
				t.Fatal(err)
			}
			putKeys(t, e.Client(), massSize, lease.ID, func(n int) (string, string) {
				return fmt.Sprintf("default/mass/i%d", n), manyValue(n)
			})
			s.register(t, "orders", "a", "127.0.0.1", "--lease", "60s")
			harness.Eventually(t, fillTime, "all in DNS", s.serves(t, massSize+1))

			ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
			defer cancel()
			if err := remove(ctx, e.Client(), lease.ID); err != nil {
				t.Fatal(err)
			}
			took := harness.Eventually(t, massBound, "the mass gone", s.goesOn(t, 1))
			t.Logf("%d instances were gone %v after etcd had removed them", massSize, took)
			start := time.Now()
			if code := s.dns.Stop(t); code != 0 {
				t.Errorf("exit code %d", code)
			}
			harness.Within(t, "ending after TERM", time.Since(start), endBound)
		})
	}
}

// goesOn is a condition: coredns serves so many instances. It fails the test where
// the mirror is not live, or orders not answered.
func (s *system) goesOn(t *testing.T, instances int) func() error {
	t.Helper()
	return func() error {
		if m := s.dns.Ask(t, srvName("orders"), dns.TypeSRV); m.Rcode != dns.RcodeSuccess || len(m.Answer) != 1 {
			t.Fatalf("another service is answered %s", harness.Render(m))
		}
		status, err := harness.MirrorStatus(t.Context(), s.dns.Addr(t), zone)
		if err != nil || status["state"] != "live" {
			t.Fatalf("_status is %v, %v, want it live", status, err)
		}
		return differ("instances", status["instances"], strconv.Itoa(instances))
	}
}

// manyValue is the value of one instance of many.
func manyValue(n int) string {
	return fmt.Sprintf(`{"addresses":["10.%d.%d.%d"],"ports":[{"name":"http","port":8080}],"static":true}`, n>>16, n>>8&255, n&255)
}

// putKeys writes n keys below the prefix, under the lease unless that is 0.
func putKeys(t *testing.T, client *clientv3.Client, n int, lease clientv3.LeaseID, key func(n int) (key, value string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), fillTime)
	defer cancel()
	var g errgroup.Group
	g.SetLimit(scaleWriters)
	for first := 0; first < n; first += scaleTxn {
		var ops []clientv3.Op
		for i := first; i < min(first+scaleTxn, n); i++ {
			k, v := key(i)
			ops = append(ops, clientv3.OpPut("/roster/"+k, v, clientv3.WithLease(lease)))
		}
		g.Go(func() error {
			_, err := client.Txn(ctx).Then(ops...).Commit()
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}
