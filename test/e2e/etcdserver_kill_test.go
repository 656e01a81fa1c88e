package e2e_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/rosterdns/roster/test/harness"
)

// TestKillLosesNothing kills coredns, and so the etcd beside it, under a stream of
// writes, again and again: whatever was acknowledged is there afterwards, in etcd
// and in DNS.
func TestKillLosesNothing(t *testing.T) {
	t.Parallel()
	const rounds, writers, atLeast = 8, 4, 150
	s := builtin(t)
	lease, err := s.etcd.Grant(t.Context(), 600)
	if err != nil {
		t.Fatal(err)
	}
	written := &acknowledged{values: map[string]string{}}
	for round := range rounds {
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		for w := range writers {
			group.Go(func() { written.write(ctx, s.etcd, fmt.Sprintf("r%d-w%d", round, w), lease.ID) })
		}
		want := written.count() + atLeast
		harness.Eventually(t, harness.Patience, "writes", func() error { return harness.True(written.count() >= want) })
		s.dns.Kill()
		cancel()
		group.Wait()

		s.dns.Launch(t, builtinCorefile)
		s.dns.WaitReady(t)
		stored := s.stored(t)
		for key, value := range written.values {
			if stored[key] != value {
				t.Fatalf("after kill %d: %s is %q, want %q, which was acknowledged", round+1, key, stored[key], value)
			}
		}
		harness.Eventually(t, harness.Patience, "DNS as etcd is", s.serves(t, len(stored)))
		t.Logf("kill %d: %d writes were acknowledged, %d are stored", round+1, len(written.values), len(stored))
	}
	left, err := s.etcd.TimeToLive(t.Context(), lease.ID, clientv3.WithAttachedKeys())
	if err != nil {
		t.Fatal(err)
	}
	if left.TTL <= 0 || len(left.Keys) == 0 {
		t.Errorf("the lease has %d s and %d keys left", left.TTL, len(left.Keys))
	}
}

// acknowledged are writes that etcd has confirmed.
type acknowledged struct {
	mu     sync.Mutex
	values map[string]string // by key
}

// write puts instances until ctx is done, one after the other, in services whose
// names start with the prefix. Every other one is under the lease.
func (a *acknowledged) write(ctx context.Context, etcd *clientv3.Client, prefix string, lease clientv3.LeaseID) {
	const perService = 50
	for n := 0; ctx.Err() == nil; n++ {
		key := fmt.Sprintf("/roster/default/%s-%d/i%d", prefix, n/perService, n)
		value := fmt.Sprintf(`{"addresses":["10.0.%d.%d"],"ports":[{"port":8080}],"static":%t}`, n/250%250, n%250, n%2 == 0)
		var options []clientv3.OpOption
		if n%2 != 0 {
			options = append(options, clientv3.WithLease(lease))
		}
		if _, err := etcd.Put(ctx, key, value, options...); err == nil {
			a.mu.Lock()
			a.values[key] = value
			a.mu.Unlock()
		}
	}
}

func (a *acknowledged) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.values)
}

// stored returns all keys of the registry with their values.
func (s *system) stored(t *testing.T) map[string]string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	resp, err := s.etcd.Get(ctx, "/roster/", clientv3.WithPrefix())
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, kv := range resp.Kvs {
		values[string(kv.Key)] = string(kv.Value)
	}
	return values
}

// serves is a condition: coredns is live, and answers from that many instances.
func (s *system) serves(t *testing.T, instances int) func() error {
	t.Helper()
	return func() error {
		status := fmt.Sprint(harness.Records(s.dns.Ask(t, "_status."+zone, dns.TypeTXT).Answer))
		if strings.Contains(status, "state=live") && strings.Contains(status, fmt.Sprintf(`"instances=%d"`, instances)) {
			return nil
		}
		return fmt.Errorf("_status is %s, want %d instances", status, instances)
	}
}
