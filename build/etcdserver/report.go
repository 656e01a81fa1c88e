package etcdserver

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/rosterdns/roster/build/etcdserver/member"
)

const (
	// traceLines is how much of the trace of a crash is logged: what crashed, and where.
	traceLines = 40

	// maxLine bounds a line that the process writes: several times the longest of etcd's log.
	maxLine = 64 << 10
)

// event takes a line of the process's output.
func (c *child) event(line []byte) {
	var e member.Event
	if err := json.Unmarshal(line, &e); err != nil {
		c.log.Errorf("etcd: what its process reports can't be read: %v in %q", err, line)
		return
	}
	droppedLines.Add(float64(e.Dropped))
	switch e.Kind {
	case member.Started:
		close(c.started)
	case member.Serving:
		close(c.serves)
	case member.Disk:
		showDisk(e)
	case member.Log:
		c.log.put(e.Level, e.Text)
	case member.Failed:
		c.note(func() { c.failure = e.Text })
	case member.Removed:
		c.note(func() { c.removed = true })
	}
}

// trace takes a line of the process's standard error, which the Go runtime writes when it crashes: first of all why.
func (c *child) trace(line []byte) {
	text := string(line)
	if !strconv.CanBackquote(text) {
		text = strconv.Quote(text)
	}
	lines := 0
	c.note(func() {
		if c.crash == "" {
			c.crash = text
		}
		c.traced++
		lines = c.traced
	})
	if lines <= traceLines && (!c.again || isClosed(c.serves)) && text != "" {
		c.log.Errorf("etcd: %s", text)
	}
}

// note changes what is known of the child's end.
func (c *child) note(change func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change()
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
