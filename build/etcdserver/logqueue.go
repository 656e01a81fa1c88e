package etcdserver

import (
	"fmt"
	"time"

	"github.com/rosterdns/roster/build/etcdserver/member"
)

const (
	// logLimit bounds how many lines wait for a log that is slow: enough for the trace of a crash.
	logLimit = 256

	// logPatience bounds the wait for the log at the end.
	logPatience = time.Second
)

// logQueue writes to CoreDNS's log: one that nobody reads holds up neither etcd, whose lines wait here, nor its supervision.
// What doesn't fit is dropped, and counted. It is safe for concurrent use.
type logQueue struct{ queue *member.Queue[func()] }

func newLogQueue() *logQueue {
	return &logQueue{member.NewQueue(logLimit, func(write func()) { write() })}
}

// close writes what waits, but leaves a log that doesn't take it in time.
func (q *logQueue) close() { q.queue.Close(logPatience) }

func (q *logQueue) put(write func(v ...any), format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if !q.queue.Offer(func() { write(text) }) {
		droppedLines.Inc()
	}
}

// Infof logs as CoreDNS does.
func (q *logQueue) Infof(format string, args ...any) { q.put(log.Info, format, args...) }

// Warningf logs as CoreDNS does.
func (q *logQueue) Warningf(format string, args ...any) { q.put(log.Warning, format, args...) }

// Errorf logs as CoreDNS does.
func (q *logQueue) Errorf(format string, args ...any) { q.put(log.Error, format, args...) }
