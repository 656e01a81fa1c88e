//go:build timing

package e2e_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
	clientv3 "go.etcd.io/etcd/client/v3"
	"golang.org/x/sync/errgroup"

	"github.com/rosterdns/roster/test/harness"
)

const (
	// hotFor is how long an instance is changed over and over.
	hotFor = 15 * time.Second
	// hotShare is how much of a processor the DNS server may take for that.
	hotShare = 0.2
	// besideEvery is the pause between two changes of another service.
	besideEvery = 100 * time.Millisecond
)

// TestHotService changes one instance over and over, of a service or beside
// overrides that are large: it costs in proportion to the changes, and those of
// another service show as soon as ever.
func TestHotService(t *testing.T) {
	for name, test := range map[string]struct {
		size, rate int
		key        func(n int) (key, value string)
	}{
		"of 20,000 instances": {20_000, 200, func(n int) (string, string) {
			return fmt.Sprintf("default/hot/i%d", n), manyValue(n)
		}},
		"beside 300,000 overrides without an instance": {300_000, 100, func(n int) (string, string) {
			return fmt.Sprintf("default/hot/_status/nobody-%d", n), `{"status":"down"}`
		}},
	} {
		t.Run(name, func(t *testing.T) {
			e := harness.StartEtcd(t, harness.EtcdOptions{})
			s := external(t, e, "", "--endpoints", e.Endpoints[0])
			putKeys(t, e.Client(), test.size, 0, test.key)
			put(t, e.Client(), "default/hot/i0", manyValue(0))
			put(t, e.Client(), "default/orders/a", portValue(1))
			harness.Eventually(t, fillTime, "the last one in DNS", s.showsPort(t, 1))

			ctx, cancel := context.WithCancel(t.Context())
			var g errgroup.Group
			g.Go(func() error { return changeAt(ctx, e.Client(), test.rate) })
			cpu, start := s.cpu(t), time.Now()
			p99 := s.changesBeside(t, e.Client())
			share := (s.cpu(t) - cpu).Seconds() / time.Since(start).Seconds()
			cancel()
			if err := g.Wait(); err != nil {
				t.Error(err)
			}
			t.Logf("at %d changes a second: %.1f %% of a processor; another service's changes show after %v at p99", test.rate, 100*share, p99)
			if share > hotShare {
				t.Errorf("%.1f %% of a processor, want at most %.1f %%", 100*share, 100*hotShare)
			}
			harness.Within(t, "another service's change at p99", p99, propagationBound)
		})
	}
}

// changesBeside changes orders over and over, and returns how long all but one of
// a hundred of the changes took to show.
func (s *system) changesBeside(t *testing.T, client *clientv3.Client) time.Duration {
	t.Helper()
	var took []time.Duration
	tick := time.NewTicker(besideEvery)
	defer tick.Stop()
	for end := time.Now().Add(hotFor); time.Now().Before(end); <-tick.C {
		port := 2 + len(took)
		put(t, client, "default/orders/a", portValue(port))
		took = append(took, harness.Eventually(t, harness.Patience, "the change in DNS", s.showsPort(t, port)))
	}
	slices.Sort(took)
	return took[(len(took)*99+99)/100-1]
}

// changeAt changes the hot instance so many times a second, until ctx is done.
func changeAt(ctx context.Context, client *clientv3.Client, rate int) error {
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		_, err := client.Put(ctx, "/roster/default/hot/i0", manyValue(n%65536))
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
}

func put(t *testing.T, client *clientv3.Client, key, value string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience)
	defer cancel()
	if _, err := client.Put(ctx, "/roster/"+key, value); err != nil {
		t.Fatal(err)
	}
}

func portValue(port int) string {
	return fmt.Sprintf(`{"addresses":["127.0.0.1"],"ports":[{"name":"http","port":%d}],"static":true}`, port)
}

// showsPort is a condition: DNS shows orders with the port.
func (s *system) showsPort(t *testing.T, port int) func() error {
	t.Helper()
	return func() error {
		m := s.dns.Ask(t, srvName("orders"), dns.TypeSRV)
		if len(m.Answer) == 1 {
			if srv, ok := m.Answer[0].(*dns.SRV); ok {
				return differ("port", srv.Port, port)
			}
		}
		return fmt.Errorf("answered %s", harness.Render(m))
	}
}

// cpu is the processor time that coredns has taken so far.
func (s *system) cpu(t *testing.T) time.Duration {
	t.Helper()
	return time.Duration(s.dns.Metrics(t).Sum("process_cpu_seconds_total") * float64(time.Second))
}
