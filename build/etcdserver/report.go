package etcdserver

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"

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
		c.infof("Started etcd %q on %s, data in %q; it serves once most of its %d members do",
			c.cfg.Name, &c.cfg.ListenClient, c.cfg.DataDir, e.Members)
		c.hasBegun.Do(func() { close(c.begun) })
	case member.Serving:
		c.infof("etcd %q serves on %s, data in %q", c.cfg.Name, &c.cfg.ListenClient, c.cfg.DataDir)
		close(c.serves)
		c.hasBegun.Do(func() { close(c.begun) })
	case member.Disk:
		showDisk(e)
	case member.Log:
		c.write(e.Level, e.Text)
	case member.Etcd:
		if !c.quiet.Load() {
			c.write(e.Level, "etcd: "+e.Text)
		}
	case member.Failed:
		c.mu.Lock()
		c.failure = e.Text
		c.mu.Unlock()
	case member.Removed:
		c.mu.Lock()
		c.removed = true
		c.mu.Unlock()
	}
}

// trace takes a line of the process's standard error, which the Go runtime writes when it crashes.
func (c *child) trace(line []byte) {
	text := quoteUnlessPlain(string(line))
	c.mu.Lock()
	c.traced++
	n := c.traced
	if c.crash == "" && isCrash(string(line)) {
		c.crash = text
	}
	c.mu.Unlock()
	if n <= traceLines && !c.quiet.Load() && len(line) > 0 {
		c.log.Errorf("etcd: %s", text)
	}
}

// isCrash reports whether the Go runtime says in this line why it crashes.
func isCrash(line string) bool {
	for _, prefix := range []string{"panic: ", "fatal error: ", "runtime: ", "unexpected fault address ", "SIG"} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}

// quoteUnlessPlain quotes text that isn't printable: a part of it comes from the network.
func quoteUnlessPlain(s string) string {
	if strconv.CanBackquote(s) {
		return s
	}
	return strconv.Quote(s)
}

func (c *child) write(level member.Level, text string) {
	switch level {
	case member.Error:
		c.log.Errorf("%s", text)
	case member.Warning:
		c.log.Warningf("%s", text)
	case member.Info:
		c.log.Infof("%s", text)
	}
}

// infof logs unless the process is one of many tries.
func (c *child) infof(format string, args ...any) {
	if !c.quiet.Load() {
		c.log.Infof(format, args...)
	}
}

// lineWriter hands on what is written to it line by line, without waiting for anybody. It belongs to one goroutine.
type lineWriter struct {
	take func(line []byte)
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
