package etcdserver

import (
	golog "log"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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

// blockedLog is a log whose reader doesn't read.
type blockedLog chan struct{}

// Write implements io.Writer.
func (b blockedLog) Write(p []byte) (int, error) {
	<-b
	return len(p), nil
}

// TestLogIsBlocked fills a log that nobody reads: what doesn't fit is dropped, and counted; etcd is started again all the
// same. It isn't parallel: the log is global.
func TestLogIsBlocked(t *testing.T) {
	inBubble(t, func(t *testing.T, _ *logLines) {
		blocked := make(blockedLog)
		golog.SetOutput(blocked) // until inBubble's own clean-up
		before := testutil.ToFloat64(droppedLines)
		first := newFakeServer()
		s, source := newTestSupervisor(newFakeServer())
		s.begin(first)
		for range 2 * logLimit {
			s.log.Infof("etcd's line")
		}
		synctest.Wait()
		first.fail(errOnFire)
		elapse(time.Minute)
		if dropped := testutil.ToFloat64(droppedLines) - before; dropped < logLimit-1 {
			t.Errorf("%v lines dropped, want %d at least", dropped, logLimit-1)
		}
		if len(source.at) != 1 || testutil.ToFloat64(up) != 1 {
			t.Errorf("%d starts, up %v", len(source.at), testutil.ToFloat64(up))
		}
		began := time.Now()
		if s.stop(); time.Since(began) != logPatience {
			t.Errorf("the stop took %v, want %v", time.Since(began), logPatience)
		}
		close(blocked)
	})
}
