package e2e_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/errgroup"

	"github.com/rosterdns/roster/test/harness"
)

// TestQueriesAskNothingOfEtcd sends 10,000 queries and counts, by etcd's own metrics, the calls
// that etcd got meanwhile. CoreDNS's plugin etcd sends a Range, and a TimeToLive for each
// record, for each query.
func TestQueriesAskNothingOfEtcd(t *testing.T) {
	t.Parallel()
	const queries, workers, instances = 10_000, 8, 20
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	s := external(t, e, "", "--endpoints", e.Endpoints[0])
	var ids []string
	for i := range instances {
		id := fmt.Sprintf("i%02d", i)
		ids = append(ids, id)
		value := fmt.Sprintf(`{"addresses":["127.0.1.%d"],"ports":[{"name":"http","port":8080}],"static":true}`, i)
		if _, err := e.Client().Put(t.Context(), "/roster/default/orders/"+id, value); err != nil {
			t.Fatal(err)
		}
	}
	harness.Eventually(t, harness.Patience, "all in DNS", func() error {
		m, err := harness.Ask(t.Context(), s.dns.Addr(t), harness.Question{Name: srvName("orders"), Type: dns.TypeSRV, TCP: true})
		if err != nil {
			return err
		}
		return differ("instances", len(m.Answer), len(ids))
	})

	questions := []harness.Question{
		{Name: srvName("orders"), Type: dns.TypeSRV, Size: harness.DefaultSize},
		{Name: "orders.default." + zone, Type: dns.TypeA, Size: harness.DefaultSize},
		{Name: "orders.default." + zone, Type: dns.TypeAAAA},
		{Name: "i07.orders.default." + zone, Type: dns.TypeA},
		{Name: "nobody.default." + zone, Type: dns.TypeA},
		{Name: "_status." + zone, Type: dns.TypeTXT},
		{Name: zone, Type: dns.TypeSOA},
	}
	before := calls(t, e)
	start := time.Now()
	var g errgroup.Group
	for w := range workers {
		g.Go(func() error {
			for i := w; i < queries; i += workers {
				m, err := harness.Ask(t.Context(), s.dns.Addr(t), questions[i%len(questions)])
				if err != nil {
					return err
				}
				if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
					return fmt.Errorf("%s: %s", m.Question[0].String(), dns.RcodeToString[m.Rcode])
				}
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	took := time.Since(start)
	after := calls(t, e)
	t.Logf("%d queries in %v; calls of etcd in its life: %v", queries, took.Round(time.Millisecond), after)
	for _, method := range slices.Sorted(maps.Keys(after)) {
		if n := after[method] - before[method]; n != 0 {
			t.Errorf("%v calls of %s during %d queries, want 0", n, method, queries)
		}
	}
	if after["Range"]+after["RangeStream"] == 0 || after["Watch"] == 0 {
		t.Errorf("the metrics count nothing: %v", after)
	}
}

// calls are the gRPC calls that etcd was asked for, by method.
func calls(t *testing.T, e *harness.Etcd) map[string]float64 {
	t.Helper()
	counts := harness.ScrapeMetrics(t, e.Endpoints[0]+"/metrics").By("grpc_server_started_total", "grpc_method")
	maps.DeleteFunc(counts, func(method string, n float64) bool { return n == 0 || strings.HasPrefix(method, "ServerReflection") })
	return counts
}
