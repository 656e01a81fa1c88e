package etcdserver

import (
	golog "log"
	"strings"
	"sync"
	"testing"
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
