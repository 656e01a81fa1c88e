package roster

import (
	"time"

	"github.com/coredns/coredns/plugin"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/internal/replica"
	"github.com/rosterdns/roster/internal/services"
)

// Replicas are told apart by the endpoints, the prefix and the namespaces that
// they read.
var replicaLabels = []string{"endpoint", "prefix", "namespaces"}

var (
	responses = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "responses_total",
		Help: "Counter of answers by result: success, nodata, nxdomain, servfail, refused, fallthrough.",
	}, []string{"server", "result"})

	chases = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "chases_total",
		Help: "Counter of host names looked up in this server's own blocks, by result: resolved, unresolved, busy.",
	}, []string{"result"})

	fastPackets = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "fastpath_packets_total",
		Help: "Counter of packets read by fastpath, by result: answered, handed_over to the server.",
	}, []string{"server", "result"})

	namesTooLong = promauto.NewCounter(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "names_too_long_total",
		Help: "Counter of records left out because a name in them would be longer than 255 octets.",
	})

	deniedAddresses = promauto.NewCounter(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "denied_addresses_total",
		Help: "Counter of addresses left out because of allow_net or deny_net, each time an instance arrives with them or changes them.",
	})

	droppedLines = promauto.NewCounterFunc(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "log_dropped_total",
		Help: "Counter of log lines dropped because the log is not read fast enough.",
	}, func() float64 { return float64(output.Dropped()) })

	lists = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "lists_total",
		Help: "Counter of complete lists of etcd by reason.",
	}, append([]string{"reason"}, replicaLabels...))

	listSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "list_duration_seconds",
		Help:    "Histogram of the time that a complete list of etcd took.",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 9), // 1 ms to 65 s: one instance to tens of millions
	}, replicaLabels)

	resumes = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "resumes_total",
		Help: "Counter of watches established, by the reason why the previous one ended; start for the first.",
	}, append([]string{"reason"}, replicaLabels...))

	propagation = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "propagation_seconds",
		Help:    "Histogram of the time from the arrival of changes from etcd until answers show them.",
		Buckets: prometheus.ExponentialBuckets(0.000_01, 4, 9), // 10 µs, one instance, to 0.7 s, services of 100,000
	}, replicaLabels)

	audits = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "audits_total",
		Help: "Counter of comparisons of the replica with etcd, by result: equal, different, failed.",
	}, append([]string{"result"}, replicaLabels...))

	differences = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "audit_differences_total",
		Help: "Counter of keys that audits found to differ from etcd, and repaired.",
	}, replicaLabels)

	failures = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "mirror_failures_total",
		Help: "Counter of watches and lists that failed, by reason.",
	}, append([]string{"reason"}, replicaLabels...))

	protections = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "protections_total",
		Help: "Counter of mass expiries whose instances protect kept serving.",
	}, replicaLabels)

	lastSets = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "last_sets_total",
		Help: "Counter of services whose last instances expired and stay served for a while.",
	}, replicaLabels)

	snapshotWrites = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "snapshot_writes_total",
		Help: "Counter of snapshots written to disk, by result: success, failure.",
	}, append([]string{"result"}, replicaLabels...))

	snapshotSeconds = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "snapshot_write_duration_seconds",
		Help:    "Histogram of the time that writing a snapshot took.",
		Buckets: prometheus.ExponentialBuckets(0.001, 4, 8), // 1 ms to 16 s: one instance to tens of millions
	}, replicaLabels)

	snapshotBytes = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "snapshot_size_bytes",
		Help: "Size of the last snapshot written, in bytes.",
	}, replicaLabels)

	snapshotTime = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "snapshot_timestamp_seconds",
		Help: "Time of the last snapshot written, in seconds since 1970.",
	}, replicaLabels)

	skipped = promauto.NewCounterVec(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: pluginName, Name: "skipped_total",
		Help: "Counter of keys that are not served because something is wrong with them, by reason.",
	}, append([]string{"reason"}, replicaLabels...))
)

// observer counts what happens inside the replica of one registry.
type observer struct {
	endpoint, prefix, namespaces string
}

// labels returns the values of replicaLabels, after those of other labels.
func (o observer) labels(others ...string) []string {
	return append(others, o.endpoint, o.prefix, o.namespaces)
}

var _ replica.Observer = observer{}

// Listed implements mirror.Observer.
func (o observer) Listed(reason mirror.Reason, _ int, took time.Duration) {
	lists.WithLabelValues(o.labels(string(reason))...).Inc()
	listSeconds.WithLabelValues(o.labels()...).Observe(took.Seconds())
}

// Resumed implements mirror.Observer.
func (o observer) Resumed(reason mirror.Reason) {
	resumes.WithLabelValues(o.labels(string(reason))...).Inc()
}

// Applied implements mirror.Observer.
func (o observer) Applied(_ int, took time.Duration) {
	propagation.WithLabelValues(o.labels()...).Observe(took.Seconds())
}

// Audited implements mirror.Observer.
func (o observer) Audited(found int, _ time.Duration) {
	result := "equal"
	if found > 0 {
		result = "different"
	}
	audits.WithLabelValues(o.labels(result)...).Inc()
	differences.WithLabelValues(o.labels()...).Add(float64(found))
}

// AuditFailed implements mirror.Observer.
func (o observer) AuditFailed(error) { audits.WithLabelValues(o.labels("failed")...).Inc() }

// Failed implements mirror.Observer.
func (o observer) Failed(reason mirror.Reason, _ error) {
	failures.WithLabelValues(o.labels(string(reason))...).Inc()
}

// StateChanged implements mirror.Observer. The state shows when metrics are
// scraped.
func (o observer) StateChanged(mirror.Status) {}

// MassExpired implements replica.Observer.
func (o observer) MassExpired() { protections.WithLabelValues(o.labels()...).Inc() }

// LastSetServed implements replica.Observer.
func (o observer) LastSetServed(services int) {
	lastSets.WithLabelValues(o.labels()...).Add(float64(services))
}

// SnapshotWritten implements replica.Observer.
func (o observer) SnapshotWritten(size int64, took time.Duration, err error) {
	if err != nil {
		snapshotWrites.WithLabelValues(o.labels("failure")...).Inc()
		return
	}
	snapshotWrites.WithLabelValues(o.labels("success")...).Inc()
	snapshotSeconds.WithLabelValues(o.labels()...).Observe(took.Seconds())
	snapshotBytes.WithLabelValues(o.labels()...).Set(float64(size))
	snapshotTime.WithLabelValues(o.labels()...).SetToCurrentTime()
}

// snapshotEnded takes away what shows the last snapshot: nobody writes the next,
// and an alert on its age would never end.
func (o observer) snapshotEnded() {
	snapshotBytes.DeleteLabelValues(o.labels()...)
	snapshotTime.DeleteLabelValues(o.labels()...)
}

// Skipped implements replica.Observer.
func (o observer) Skipped(reason services.SkipReason) {
	skipped.WithLabelValues(o.labels(string(reason))...).Inc()
}
