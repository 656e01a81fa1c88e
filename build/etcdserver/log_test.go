package etcdserver

import (
	"errors"
	"io"
	golog "log"
	"strings"
	"testing"

	"go.uber.org/zap"
)

// TestLogger isn't parallel: CoreDNS's log goes to the log package, whose output is global.
func TestLogger(t *testing.T) {
	var out strings.Builder
	golog.SetOutput(&out)
	defer golog.SetOutput(io.Discard)
	flags := golog.Flags()
	golog.SetFlags(0)
	defer golog.SetFlags(flags)

	var p phase
	logger := newLogger(&p)
	logger.Debug("hidden")
	logger.Info("hidden")
	logger.Warn("Running http and grpc server on single port. This is not recommended for production.")
	logger.With(zap.String("peer", "n1")).Warn("slow", zap.Int("took", 3), zap.String("key", "a\nb"), zap.String("to", ""))
	logger.Error("failed\n[INFO] forged", zap.Error(errors.New(`said "no"`)))
	func() {
		defer func() {
			if fault := recover(); fault != "no space path=/data" {
				t.Errorf("before the start a fatal fault panics with %v", fault)
			}
		}()
		logger.Fatal("no space", zap.String("path", "/data"))
	}()
	logger.Error("setting up serving from embedded etcd failed.")
	p.Store(stopping)
	logger.Error("setting up serving from embedded etcd failed.")
	logger.Error("disk full")

	want := `[WARNING] plugin/etcdserver: etcd: slow key="a\nb" peer=n1 to="" took=3
[ERROR] plugin/etcdserver: etcd: "failed\n[INFO] forged" error="said \"no\""
[ERROR] plugin/etcdserver: etcd: no space path=/data
[ERROR] plugin/etcdserver: etcd: setting up serving from embedded etcd failed.
[ERROR] plugin/etcdserver: etcd: disk full
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}
