package etcdserver

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/rosterdns/roster/build/etcdserver/member"
)

const (
	// traceLines is how much of the trace of a crash is logged: what crashed, and where.
	traceLines = 40

	// maxLine bounds a line that the process writes: several times the longest of etcd's log.
	maxLine = 64 << 10
)

// errRemoved is why an etcd ended that isn't started again.
var errRemoved = errors.New("it was removed from its cluster")

// report is what the process of an etcd has said about itself. It is safe for concurrent use.
type report struct {
	again            bool          // the process isn't the first one: nobody needs the trace of its crash
	started, serving chan struct{} // closed once the etcd waits for other members, and once it serves

	mu      sync.Mutex
	failure string // why it ends, as etcd says
	crash   string // why it ends, as the Go runtime says
	traced  int    // lines of the runtime
	removed bool   // from its cluster
}

func newReport(again bool) *report {
	return &report{again: again, started: make(chan struct{}), serving: make(chan struct{})}
}

// event takes a line of the process's output. It is called by one goroutine.
func (r *report) event(line []byte) {
	var e member.Event
	if err := json.Unmarshal(line, &e); err != nil {
		log.Errorf("etcd: what its process reports can't be read: %v in %q", err, line)
		return
	}
	switch e.Kind {
	case member.Started:
		closeOnce(r.started)
	case member.Serving:
		closeOnce(r.serving)
	case member.Disk:
		showDisk(e)
	case member.Info:
		log.Info(e.Text)
	case member.Warning:
		log.Warning(e.Text)
	case member.Error:
		log.Error(e.Text)
	case member.Failed, member.Removed:
		r.mu.Lock()
		defer r.mu.Unlock()
		r.failure, r.removed = e.Text, e.Kind == member.Removed
	}
}

// trace takes a line of the process's standard error, which the Go runtime writes when it crashes: first of all why.
func (r *report) trace(line []byte) {
	text := string(line)
	if !strconv.CanBackquote(text) {
		text = strconv.Quote(text)
	}
	r.mu.Lock()
	if r.crash == "" {
		r.crash = text
	}
	r.traced++
	shown := r.traced <= traceLines && text != "" && (!r.again || isClosed(r.serving))
	r.mu.Unlock()
	if shown {
		log.Errorf("etcd: %s", text)
	}
}

// reason is why the process has ended, of which the kernel says exit: what etcd says comes first, then what the runtime says.
func (r *report) reason(exit error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.failure != "":
		return errors.New(r.failure)
	case r.removed:
		return errRemoved
	case exit == nil:
		return errors.New("its process ended")
	case r.crash != "":
		return fmt.Errorf("its process ended: %w: %s", exit, r.crash)
	}
	return fmt.Errorf("its process ended: %w", exit)
}

func closeOnce(c chan struct{}) {
	if !isClosed(c) {
		close(c)
	}
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// lineWriter hands on what is written to it line by line. It belongs to one goroutine.
type lineWriter struct {
	take func(line []byte) // waits for nobody
	rest []byte
}

// Write implements io.Writer.
func (w *lineWriter) Write(p []byte) (int, error) {
	w.rest = append(w.rest, p...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte("\n"))
		if !found && len(w.rest) <= maxLine {
			return len(p), nil
		}
		w.take(line)
		w.rest = rest
	}
}
