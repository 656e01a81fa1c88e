package harness

import (
	"bytes"
	"strings"
	"sync"
)

// output collects what a process writes, and wakes those who wait for it.
type output struct {
	mu      sync.Mutex
	buf     bytes.Buffer
	changed chan struct{} // closed and replaced at each write
}

func newOutput() *output { return &output{changed: make(chan struct{})} }

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.buf.Write(p)
	close(o.changed)
	o.changed = make(chan struct{})
	return len(p), nil
}

// read returns what was written so far, and a channel that is closed when there
// is more.
func (o *output) read() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String(), o.changed
}

func (o *output) String() string {
	s, _ := o.read()
	return s
}

// Lines returns the lines of s that contain substr.
func Lines(s, substr string) []string {
	var lines []string
	for line := range strings.Lines(s) {
		if strings.Contains(line, substr) {
			lines = append(lines, strings.TrimRight(line, "\r\n"))
		}
	}
	return lines
}
