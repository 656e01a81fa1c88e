package e2e_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"golang.org/x/sync/errgroup"

	"github.com/rosterdns/roster/test/harness"
)

// The registry of TestScale.
const (
	scaleServices = 10_000
	scaleEach     = 10
	scaleTotal    = scaleServices * scaleEach
	// scaleTxn is how many instances a transaction writes; etcd takes 128
	// operations.
	scaleTxn = 100
	// scaleWriters write at the same time.
	scaleWriters = 8
)

// Sanity bounds of TestScale. The measured figures are a tenth of them on a
// machine of two cores.
const (
	scaleStart  = 30 * time.Second
	scaleMemory = 1 << 30
)

// TestScale starts coredns on 100,000 instances, and measures how long it takes
// to answer rightly, and its memory. It runs alone, since it measures; etcd is
// one inside another coredns, which is built without the race detector.
func TestScale(t *testing.T) {
	store := harness.NewCoreDNS(t)
	store.Launch(t, `.:{{port "dns"}} {
	bind 127.0.0.1
	etcdserver {{dir}}/etcd {
		listen_client http://127.0.0.1:{{port "etcd"}}
	}
	whoami
}
`)
	store.WaitServing(t)
	endpoint := fmt.Sprintf("http://127.0.0.1:%d", store.Port(t, "etcd"))
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{endpoint}, Logger: zap.NewNop()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	lease := fill(t, client)

	c := harness.NewCoreDNS(t)
	start := time.Now()
	c.Launch(t, block+"\troster {\n\t\tendpoint "+endpoint+"\n\t\tstartup_timeout 30s\n\t}\n}\n")
	live := time.Duration(0)
	// The last key of the list, so that all others are in too.
	last := fmt.Sprintf("s%05d", scaleServices-1)
	harness.Eventually(t, harness.Patience, "all instances of the last service", func() error {
		m, err := harness.Ask(t.Context(), c.Addr(t), harness.Question{Name: srvName(last), Type: dns.TypeSRV, Size: harness.DefaultSize})
		if err != nil {
			return err
		}
		live = time.Since(start)
		return differ("answers", len(m.Answer), scaleEach)
	})
	c.WaitReady(t)
	m := c.Metrics(t)
	rss := m.Sum("process_resident_memory_bytes")
	t.Logf("%d instances in %d services: right answer %v after the start of the process; resident %.0f MiB, heap %.0f MiB",
		scaleTotal, scaleServices, live.Round(time.Millisecond), rss/(1<<20), m.Sum("go_memstats_heap_inuse_bytes")/(1<<20))
	if got := m.Sum("coredns_roster_instances"); got != scaleTotal {
		t.Errorf("%v instances mirrored, want %d", got, scaleTotal)
	}
	harness.Within(t, "the right answer", live, scaleStart)
	if rss > scaleMemory {
		t.Errorf("above the bound of %d bytes", scaleMemory)
	}

	// A change costs no more than in a small registry.
	start = time.Now()
	key := "/roster/default/" + last + "/new"
	if _, err := client.Put(t.Context(), key, `{"addresses":["10.1.1.1"],"ports":[{"name":"http","port":80}]}`, clientv3.WithLease(lease)); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, harness.Patience, "the change", func() error {
		return differ("rcode", c.Ask(t, "new."+last+".default."+zone, dns.TypeA).Rcode, dns.RcodeSuccess)
	})
	t.Logf("a change was in DNS %v after its write began", time.Since(start).Round(100*time.Microsecond))
}

// fill writes the registry under one lease.
func fill(t *testing.T, client *clientv3.Client) clientv3.LeaseID {
	t.Helper()
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	grant, err := client.Grant(ctx, 3600)
	if err != nil {
		t.Fatal(err)
	}
	var g errgroup.Group
	g.SetLimit(scaleWriters)
	for first := 0; first < scaleTotal; first += scaleTxn {
		ops := make([]clientv3.Op, scaleTxn)
		for i := range ops {
			n := first + i
			key := fmt.Sprintf("/roster/default/s%05d/i%d", n/scaleEach, n%scaleEach)
			value := fmt.Sprintf(`{"addresses":["10.%d.%d.%d"],"ports":[{"name":"http","port":8080}],"metadata":{"version":"1.2.3","zone":"a"}}`,
				n>>16, n>>8&255, n&255)
			ops[i] = clientv3.OpPut(key, value, clientv3.WithLease(grant.ID))
		}
		g.Go(func() error {
			_, err := client.Txn(ctx).Then(ops...).Commit()
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d instances written in %v", scaleTotal, time.Since(start).Round(time.Millisecond))
	return grant.ID
}
