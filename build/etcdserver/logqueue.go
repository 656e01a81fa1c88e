package etcdserver

import (
	"fmt"
	"time"

	clog "github.com/coredns/coredns/plugin/pkg/log"

	"github.com/rosterdns/roster/build/etcdserver/member"
)

const (
	// logLimit bounds how many lines wait for a log that is slow: enough for the trace of a crash.
	logLimit = 256

	// logPatience bounds the wait for the log at the end.
	logPatience = time.Second
)

var log = clog.NewWithPlugin(directiveName)

// logQueue writes to CoreDNS's log from a goroutine of its own: a log that nobody reads holds up neither etcd nor its
// supervision. What doesn't fit is dropped, and counted. It is safe for concurrent use.
type logQueue struct {
	lines           chan func()
	closing, closed chan struct{}
}

func newLogQueue() *logQueue {
	q := &logQueue{lines: make(chan func(), logLimit), closing: make(chan struct{}), closed: make(chan struct{})}
	go q.run()
	return q
}

// run writes until close.
func (q *logQueue) run() {
	defer close(q.closed)
	for {
		select {
		case write := <-q.lines:
			write()
		case <-q.closing:
			for len(q.lines) > 0 {
				(<-q.lines)()
			}
			return
		}
	}
}

// close writes what waits, but leaves a log that doesn't take it in time: run then ends once it does, or with the process.
func (q *logQueue) close() {
	close(q.closing)
	timeout := time.NewTimer(logPatience)
	defer timeout.Stop()
	select {
	case <-q.closed:
	case <-timeout.C:
	}
}

// put logs a line of an etcd.
func (q *logQueue) put(level member.Level, text string) {
	write := log.Info
	switch level {
	case member.Warning:
		write = log.Warning
	case member.Error:
		write = log.Error
	}
	select {
	case q.lines <- func() { write(text) }:
	default:
		droppedLines.Inc()
	}
}

// Infof logs.
func (q *logQueue) Infof(format string, args ...any) {
	q.put(member.Info, fmt.Sprintf(format, args...))
}

// Errorf logs.
func (q *logQueue) Errorf(format string, args ...any) {
	q.put(member.Error, fmt.Sprintf(format, args...))
}
