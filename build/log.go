package main

import (
	golog "log"
	"sync"
	"time"

	"github.com/coredns/caddy"
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/plugin"
	clog "github.com/coredns/coredns/plugin/pkg/log"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"github.com/rosterdns/roster/internal/logqueue"
)

// flushTimeout is how long the end of the process waits for whoever reads the log.
const flushTimeout = time.Second

// CoreDNS writes its log to standard output as it goes: where nobody reads that,
// queries that are logged, reloads and even the end by TERM would wait for it. The
// callback comes after CoreDNS has chosen the output, and before anything is started.
func init() {
	once := sync.OnceFunc(queueLog)
	caddy.RegisterParsingCallback("dns", dnsserver.Directives[0], func(caddy.Context) error {
		once()
		return nil
	})
}

// queueLog has the lines of the log written by a goroutine of its own, as far as there
// is room for those that wait.
func queueLog() {
	w, queue := logqueue.NewWriter(golog.Writer())
	promauto.NewCounterFunc(prometheus.CounterOpts{
		Namespace: plugin.Namespace, Subsystem: "log", Name: "dropped_total",
		Help: "Counter of log lines dropped because the log is not read fast enough.",
	}, func() float64 { return float64(queue.Dropped()) })
	clog.SetOutput(w)
	caddy.OnProcessExit = append(caddy.OnProcessExit, func() { queue.Flush(time.Now().Add(flushTimeout)) })
}
