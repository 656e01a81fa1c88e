package etcdserver

import (
	golog "log"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// logLines is what was logged since captureLog.
type logLines struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (l *logLines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logLines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// captureLog is for tests that aren't parallel: CoreDNS's log goes to the log package, whose output is global.
func captureLog(t *testing.T) *logLines {
	t.Helper()
	out, flags, before := new(logLines), golog.Flags(), golog.Writer()
	golog.SetOutput(out)
	golog.SetFlags(0)
	t.Cleanup(func() {
		golog.SetOutput(before)
		golog.SetFlags(flags)
	})
	return out
}

// TestLogQueueNeverWaits fills a log that nobody reads: what doesn't fit is dropped, and counted.
func TestLogQueueNeverWaits(t *testing.T) {
	t.Parallel()
	q := newLogQueue()
	blocked, written := make(chan struct{}), 0
	q.put(func(...any) { <-blocked }, "")
	before := testutil.ToFloat64(droppedLines)
	for range 2 * logLimit {
		q.put(func(...any) { written++ }, "")
	}
	dropped := testutil.ToFloat64(droppedLines) - before
	close(blocked)
	q.close()
	// The first one may have waited in the queue, too.
	if written < logLimit-1 || written > logLimit || int(dropped) != 2*logLimit-written {
		t.Errorf("%d written, %v dropped", written, dropped)
	}
}
