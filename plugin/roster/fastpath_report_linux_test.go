package roster

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// TestFastpathMetrics: the plugin prometheus counts the same with the fast path and
// without.
func TestFastpathMetrics(t *testing.T) {
	endpoint := closedPort(t)
	plant(t, endpoint, shop)
	plain, fast := freePort(t), freePort(t)
	prom := "prometheus " + freeAddress(t)
	startServer(t, fmt.Sprintf(fastCorefile, plain, endpoint, prom, "")+fmt.Sprintf(fastCorefile, fast, endpoint, prom, "fastpath"))
	for _, port := range []string{plain, fast} {
		for _, question := range []string{
			"orders.default.svc.internal. A", "orders.default.svc.internal. A", "Orders.default.SVC.internal. AAAA",
			"_http._tcp.orders.default.svc.internal. SRV", "orders.default.svc.internal. HTTPS", "svc.internal. SOA", "nope.default.svc.internal. A",
			"orders.default.svc.internal. CAA",
		} {
			for _, do := range []bool{false, true} {
				req := query(question)
				if do {
					req.SetEdns0(1232, true)
				}
				askRaw(t, "127.0.0.1:"+port, req)
			}
		}
	}
	if answered, _ := packets("dns://127.0.0.1:" + fast); answered != 10 {
		t.Errorf("%v answered on the fast path, want 10", answered)
	}
	// The plugin counts once an answer is written.
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	end := time.After(deadline / 4)
	for {
		want, got := series(t, "dns://127.0.0.1:"+plain), series(t, "dns://127.0.0.1:"+fast)
		if len(want) >= 8 && slices.Equal(got, want) {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// series returns the series of CoreDNS and roster that have a server, without it,
// without those of the fast path alone, and without times.
func series(t *testing.T, server string) []string {
	t.Helper()
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range families {
		if f.GetName() == "coredns_roster_fastpath_packets_total" || f.GetName() == "coredns_plugin_enabled" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels, of := f.GetName(), false
			for _, l := range m.GetLabel() {
				if l.GetName() == "server" {
					of = l.GetValue() == server
					continue
				}
				labels += fmt.Sprintf(" %s=%q", l.GetName(), l.GetValue())
			}
			if !of {
				continue
			}
			value := fmt.Sprint(m.GetCounter().GetValue(), " ", m.GetHistogram().GetSampleCount())
			if !strings.Contains(f.GetName(), "duration") {
				value += fmt.Sprint(" ", m.GetHistogram().GetSampleSum())
			}
			all = append(all, labels+" "+value)
		}
	}
	slices.Sort(all)
	return all
}
