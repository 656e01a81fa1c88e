package etcdserver

import (
	"errors"
	golog "log"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"
)

// logged is what was logged since captureLog.
type logged struct {
	mu   sync.Mutex
	text strings.Builder
}

// Write implements io.Writer.
func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// captureLog is for tests that aren't parallel: CoreDNS's log goes to the log package, whose output is global.
func captureLog(t *testing.T) *logged {
	t.Helper()
	out, flags, before := new(logged), golog.Flags(), golog.Writer()
	golog.SetOutput(out)
	golog.SetFlags(0)
	t.Cleanup(func() {
		golog.SetOutput(before)
		golog.SetFlags(flags)
	})
	return out
}

func TestLogger(t *testing.T) {
	out := captureLog(t)
	s := newState()
	logger := newLogger(s)
	logger.Debug("hidden")
	logger.Info("hidden")
	logger.Warn("Running http and grpc server on single port. This is not recommended for production.")
	logger.With(zap.String("peer", "n1")).Warn("slow", zap.Int("took", 3), zap.String("key", "a\nb"), zap.String("to", ""))
	logger.Error("failed\n[INFO] forged", zap.Error(errors.New(`said "no"`)))
	logger.Error("setting up serving from embedded etcd failed.")
	s.phase.Store(stopping)
	logger.Error("setting up serving from embedded etcd failed.")
	for range 100 {
		logger.Error("disk full")
	}
	s.quiet.Store(true)
	logger.Error("hidden")
	s.quiet.Store(false)
	if s.starved.Load() {
		t.Error("starved")
	}
	logger.Error(starvedMessage)
	if !s.starved.Load() {
		t.Error("not starved")
	}
	if err := s.fault.err(); err != nil {
		t.Error(err)
	}
	for _, log := range []func(string, ...zap.Field){logger.Fatal, logger.Panic} {
		done := make(chan struct{})
		go func() {
			defer close(done)
			log("no space", zap.String("path", "/data"))
			t.Error("went on")
		}()
		<-done
	}
	if err := s.fault.err(); err == nil || err.Error() != "no space path=/data" {
		t.Errorf("the fault is %v", err)
	}
	logger.Error("a consequence")

	want := `[WARNING] plugin/etcdserver: etcd: slow key="a\nb" peer=n1 to="" took=3
[ERROR] plugin/etcdserver: etcd: "failed\n[INFO] forged" error="said \"no\""
[ERROR] plugin/etcdserver: etcd: setting up serving from embedded etcd failed.
[ERROR] plugin/etcdserver: etcd: disk full
[ERROR] plugin/etcdserver: etcd: disk full
[ERROR] plugin/etcdserver: etcd: disk full
[ERROR] plugin/etcdserver: etcd: failed to preallocate space when creating a new WAL
[ERROR] plugin/etcdserver: etcd: no space path=/data
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}
