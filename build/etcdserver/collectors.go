package etcdserver

import (
	"github.com/prometheus/client_golang/prometheus"

	_ "go.etcd.io/etcd/server/v3/storage/mvcc" // registers them
)

// blocking are metrics of etcd that take a lock of its store. An etcd that dies in a transaction never gives that lock
// back: each scrape of the process's metrics would hang from then on, and the next etcd would wait for the first of these
// scrapes when it opens its store.
var blocking = []string{
	"etcd_debugging_mvcc_current_revision",
	"etcd_debugging_mvcc_compact_revision",
}

// leftOut are those of blocking that etcd had registered, and that are not any more.
var leftOut = unregister(blocking)

func unregister(names []string) (done []string) {
	for _, name := range names {
		if prometheus.Unregister(named{name}) {
			done = append(done, name)
		}
	}
	return done
}

// named is a collector that a registry can't tell from another one of that name and without labels.
type named struct{ name string }

// Describe implements prometheus.Collector.
func (n named) Describe(to chan<- *prometheus.Desc) { to <- prometheus.NewDesc(n.name, "", nil, nil) }

// Collect implements prometheus.Collector. It is never called.
func (n named) Collect(chan<- prometheus.Metric) {}
