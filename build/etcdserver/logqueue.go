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

// put logs a line of an etcd.
func (q *logQueue) put(level member.Level, text string) {
	write := log.Info
	switch level {
	case member.Warning:
		write = log.Warning
	case member.Error:
		write = log.Error
	}
	if !q.queue.Offer(func() { write(text) }) {
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
