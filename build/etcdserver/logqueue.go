package etcdserver

import (
	"fmt"
	"time"
)

const (
	// logLimit bounds how many lines wait for a log that is slow: enough for the trace of a crash.
	logLimit = 256

	// logPatience bounds the wait for the log at the end.
	logPatience = time.Second
)

// logQueue writes to CoreDNS's log from a goroutine of its own, so that a log that nobody reads holds up neither etcd, whose
// lines wait here, nor its supervision. What doesn't fit is dropped, and counted. It is safe for concurrent use.
type logQueue struct {
	lines   chan func()
	closing chan struct{}
	closed  chan struct{}
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
		case line := <-q.lines:
			line()
		case <-q.closing:
			for len(q.lines) > 0 {
				(<-q.lines)()
			}
			return
		}
	}
}

// close writes what waits. It leaves a log that doesn't take it in time: run ends once it does, or with the process.
func (q *logQueue) close() {
	close(q.closing)
	timeout := time.NewTimer(logPatience)
	defer timeout.Stop()
	select {
	case <-q.closed:
	case <-timeout.C:
	}
}

func (q *logQueue) put(line func()) {
	select {
	case q.lines <- line:
	default:
		droppedLines.Inc()
	}
}

// Infof logs as CoreDNS does.
func (q *logQueue) Infof(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	q.put(func() { log.Info(text) })
}

// Warningf logs as CoreDNS does.
func (q *logQueue) Warningf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	q.put(func() { log.Warning(text) })
}

// Errorf logs as CoreDNS does.
func (q *logQueue) Errorf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	q.put(func() { log.Error(text) })
}
