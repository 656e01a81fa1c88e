package etcdserver

import (
	"github.com/coredns/coredns/plugin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/rosterdns/roster/build/etcdserver/member"
)

// They have no labels: a process runs one etcd.
var (
	up = promauto.NewGauge(prometheus.GaugeOpts{
		Namespace: plugin.Namespace, Subsystem: directiveName, Name: "up",
		Help: "1 while the built-in etcd serves, 0 while it is down or starting.",
	})

	restarts = promauto.NewCounter(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: directiveName, Name: "restarts_total",
		Help: "Counter of attempts to restart etcd after it failed.",
	})

	diskFree = promauto.NewGauge(prometheus.GaugeOpts{
		Namespace: plugin.Namespace, Subsystem: directiveName, Name: "disk_free_bytes",
		Help: "Free space on the file system of the data folder, without what is reserved for root.",
	})

	diskReserve = promauto.NewGauge(prometheus.GaugeOpts{
		Namespace: plugin.Namespace, Subsystem: directiveName, Name: "disk_reserve_bytes",
		Help: "Free space below which an etcd that is its only member refuses registrations.",
	})

	nospaceAlarm = promauto.NewGauge(prometheus.GaugeOpts{
		Namespace: plugin.Namespace, Subsystem: directiveName, Name: "nospace_alarm",
		Help: "1 while the NOSPACE alarm of a member makes etcd refuse registrations, else 0.",
	})
)

// showDisk shows what an etcd has reported about its disk, which may not be measurable.
func showDisk(e member.Event) {
	nospaceAlarm.Set(0)
	if e.NoSpace {
		nospaceAlarm.Set(1)
	}
	if e.Reserve > 0 {
		diskFree.Set(float64(e.Free))
		diskReserve.Set(float64(e.Reserve))
	}
}
