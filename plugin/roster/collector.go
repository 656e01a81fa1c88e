package roster

import (
	"github.com/coredns/coredns/plugin"
	"github.com/prometheus/client_golang/prometheus"
)

// collector shows the contents of the replicas as they are when metrics are
// scraped.
type collector struct{ pool *pool }

func gauge(name, help string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(plugin.Namespace, pluginName, name), help, replicaLabels, nil)
}

var (
	stateDesc     = gauge("mirror_state", "State of the replica: 0 unsynced, 1 live, 2 stale.")
	revisionDesc  = gauge("revision", "Revision of etcd up to which the replica is complete.")
	servicesDesc  = gauge("services", "Number of services that have an instance.")
	instancesDesc = gauge("instances", "Number of valid instances.")
	protectedDesc = gauge("protected_instances", "Number of expired instances served only because of protect.")
	lastSetsDesc  = gauge("last_set_instances", "Number of expired instances served only because they were the last of their service.")
	ageDesc       = gauge("age_seconds", "Time since the last contact with etcd.")
	lagDesc       = gauge("revision_lag", "Number of revisions by which the replica is behind the latest known one of etcd.")
)

// Describe implements prometheus.Collector.
func (collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- stateDesc
	ch <- revisionDesc
	ch <- servicesDesc
	ch <- instancesDesc
	ch <- ageDesc
	ch <- protectedDesc
	ch <- lastSetsDesc
	ch <- lagDesc
}

// Collect implements prometheus.Collector.
func (c collector) Collect(ch chan<- prometheus.Metric) {
	for o, m := range c.pool.all() {
		show := func(d *prometheus.Desc, v float64) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, o.labels()...)
		}
		gen := m.Load()
		show(revisionDesc, float64(gen.Revision()))
		show(servicesDesc, float64(gen.Services()))
		show(instancesDesc, float64(gen.Instances()))
		show(lagDesc, float64(m.Lag()))
		if m.Guard().Protects() {
			show(protectedDesc, float64(m.Guard().Protected()))
		}
		show(lastSetsDesc, float64(m.Guard().LastSets()))
		s := m.Status()
		show(stateDesc, float64(s.State))
		if !s.Contact.IsZero() {
			show(ageDesc, ageOf(s).Seconds())
		}
	}
}
