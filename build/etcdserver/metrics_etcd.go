package etcdserver

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// HideEtcdMetrics takes from a registry what etcd's packages have registered as they were linked: in CoreDNS's process it
// would stay at zero. The etcd that runs exports its own at listen_client.
func HideEtcdMetrics(registry *prometheus.Registry) {
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		registry.Describe(descs)
	}()
	var etcds []*prometheus.Desc
	for desc := range descs {
		// The name of a metric shows in its description as a text only.
		if strings.HasPrefix(desc.String(), `Desc{fqName: "etcd_`) {
			etcds = append(etcds, desc)
		}
	}
	for _, desc := range etcds {
		registry.Unregister(described{desc})
	}
}

// described is a collector that a registry can't tell from another one of that description alone.
type described struct{ desc *prometheus.Desc }

// Describe implements prometheus.Collector.
func (d described) Describe(to chan<- *prometheus.Desc) { to <- d.desc }

// Collect implements prometheus.Collector. It is never called.
func (d described) Collect(chan<- prometheus.Metric) {}
