package etcdserver

import (
	"errors"
	"runtime"
	"strings"
	"sync"

	"go.uber.org/zap/zapcore"
)

// fault is the first reason why an etcd can't go on. etcd would end the process then; here it ends the goroutine that met
// the reason, and whoever owns the etcd stops what is left of it. All methods are safe for concurrent use.
type fault struct {
	once   sync.Once
	done   chan struct{} // closed once there is a reason
	reason error
}

func newFault() *fault { return &fault{done: make(chan struct{})} }

// report notes the reason, unless there is one.
func (f *fault) report(reason string) {
	f.once.Do(func() {
		f.reason = errors.New(reason)
		close(f.done)
	})
}

// happened reports whether there is a reason.
func (f *fault) happened() bool {
	select {
	case <-f.done:
		return true
	default:
		return false
	}
}

// err is the reason; nil if there is none.
func (f *fault) err() error {
	if !f.happened() {
		return nil
	}
	return f.reason
}

// scheduleFunction runs the jobs of etcd, such as those that change the database.
const scheduleFunction = "go.etcd.io/etcd/pkg/v3/schedule.(*fifo).run"

// OnWrite implements zapcore.CheckWriteHook, for what etcd logs as fatal or as a panic: the line of code after that must
// not run, for it would acknowledge what isn't on disk. Locks that the goroutine holds stay locked, so that nothing of this
// etcd can be relied on any more.
func (f *fault) OnWrite(entry *zapcore.CheckedEntry, fields []zapcore.Field) {
	f.report(format(entry.Message, fields))
	if calledBy(scheduleFunction) {
		// If this goroutine ended, it would close a channel that others go on to send to, and their panic would end the
		// process.
		select {}
	}
	// Deferred functions run: the goroutine of raft closes the log, and leaves the other members.
	runtime.Goexit()
}

// calledBy looks for a function among the callers.
func calledBy(function string) bool {
	const deep = 128 // several times what etcd's calls add up to
	callers := make([]uintptr, deep)
	frames := runtime.CallersFrames(callers[:runtime.Callers(2, callers)])
	for {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, function) {
			return true
		}
		if !more {
			return false
		}
	}
}
