package e2e_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/test/harness"
)

// TestIdleClientAsksSeldom has a client that reads 60 services be idle: it asks
// etcd for progress once in two seconds in all, by etcd's own count.
func TestIdleClientAsksSeldom(t *testing.T) {
	t.Parallel()
	const services, idle, every = 60, 20 * time.Second, 2 * time.Second
	e := harness.StartEtcd(t, harness.EtcdOptions{})
	c := openClient(t, registrar.WithEndpoints(e.Endpoints...))
	defer c.Close()
	for n := range services {
		name := fmt.Sprintf("s%d", n)
		harness.Eventually(t, harness.Patience, "an answer for "+name, func() error {
			_, err := c.GetService(t.Context(), name)
			return harness.True(errors.Is(err, registrar.ErrNotFound))
		})
	}
	received := func() float64 {
		return harness.ScrapeMetrics(t, e.Endpoints[0]+"/metrics").Sum("grpc_server_msg_received_total", "grpc_method", "Watch")
	}
	before := received()
	if before == 0 {
		t.Error("etcd counts no messages on watch streams: not what is tested")
	}
	harness.Elapse(t, idle)
	asked := received() - before
	t.Logf("%v requests for progress in %v", asked, idle)
	if most := float64(idle/every) + 2; asked > most { // one under way at each end
		t.Errorf("%v requests for progress in %v, want at most %v", asked, idle, most)
	}
}
