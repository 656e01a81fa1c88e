package etcdserver

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"go.etcd.io/etcd/server/v3/etcdserver" // registers its metrics, as the binary does
)

// TestEtcdMetricsAreHidden also finds out when etcd describes its metrics in another way. It isn't parallel: what it
// changes is global.
func TestEtcdMetricsAreHidden(t *testing.T) {
	_ = etcdserver.DefaultSnapshotCount
	registry := prometheus.DefaultRegisterer.(*prometheus.Registry)
	count := func() (etcds, others int) {
		descs := make(chan *prometheus.Desc)
		go func() {
			defer close(descs)
			registry.Describe(descs)
		}()
		for desc := range descs {
			if strings.Contains(desc.String(), `"etcd_`) {
				etcds++
			} else {
				others++
			}
		}
		return etcds, others
	}
	etcds, others := count()
	HideEtcdMetrics(registry)
	if left, now := count(); etcds < 50 || left != 0 || now != others {
		t.Errorf("%d of %d metrics of etcd are left, %d of %d others", left, etcds, now, others)
	}
}
