package member

import (
	"errors"
	"slices"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func TestLogger(t *testing.T) {
	t.Parallel()
	out := &reported{}
	l := &etcdLog{to: newReporter(out)}
	logger := l.logger()
	l.phase.Store(running)
	logger.Debug("hidden")
	logger.Info("hidden")
	logger.Warn("Running http and grpc server on single port. This is not recommended for production.")
	logger.With(zap.String("peer", "n1")).Warn("slow", zap.Int("took", 3), zap.String("key", "a\nb"), zap.String("to", ""))
	logger.Error("failed\n[INFO] forged", zap.Error(errors.New(`said "no"`)))
	logger.Error("setting up serving from embedded etcd failed.")
	l.phase.Store(stopping)
	logger.Error("setting up serving from embedded etcd failed.")
	for range 100 {
		logger.Error("disk full")
	}
	l.quiet.Store(true)
	logger.Error("hidden")
	l.quiet.Store(false)
	if l.starved.Load() {
		t.Error("starved")
	}
	logger.Error(starvedMessage)
	if !l.starved.Load() {
		t.Error("not starved")
	}
	want := []string{
		`warning etcd: slow key="a\nb" peer=n1 to="" took=3`,
		`error etcd: "failed\n[INFO] forged" error="said \"no\""`,
		`error etcd: setting up serving from embedded etcd failed.`,
		`error etcd: disk full`,
		`error etcd: disk full`,
		`error etcd: disk full`,
		`error etcd: failed to preallocate space when creating a new WAL`,
	}
	if got := out.lines(t); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestLoggerReportsFatal reports why etcd ends the process, and nothing that follows from it.
func TestLoggerReportsFatal(t *testing.T) {
	t.Parallel()
	for phase, want := range map[int32]string{
		running:  "no space path=/data",
		starting: "etcd gave up: no space path=/data: if its files are damaged, restore the data folder from a backup, or move it away to start empty",
	} {
		out := &reported{}
		l := &etcdLog{to: newReporter(out)}
		l.phase.Store(phase)
		logger := l.logger().WithOptions(zap.WithFatalHook(zapcore.WriteThenGoexit))
		done := make(chan struct{})
		go func() {
			defer close(done)
			logger.Fatal("no space", zap.String("path", "/data"))
		}()
		<-done
		logger.Error("a consequence")
		if events := out.events(t); len(events) != 1 || events[0].Kind != Failed || events[0].Text != want {
			t.Errorf("got %+v, want %s", events, want)
		}
	}
}
