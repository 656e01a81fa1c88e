package member

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Kind says what an Event is about.
type Kind string

// The kinds of events.
const (
	Started Kind = "started" // etcd runs, and waits for some of its Members
	Serving Kind = "serving" // etcd serves its clients
	Disk    Kind = "disk"    // Free, Reserve and NoSpace, as they are now
	Log     Kind = "log"     // Text is for the log, at Level
	Etcd    Kind = "etcd"    // the same, from etcd's own log
	Failed  Kind = "failed"  // the process ends for the reason in Text
	Removed Kind = "removed" // the process ends: the member was removed from its cluster
)

// Level is how important a line of the log is.
type Level string

// The levels.
const (
	Info    Level = "info"
	Warning Level = "warning"
	Error   Level = "error"
)

// Event is something that has happened to the etcd.
type Event struct {
	Kind    Kind
	Level   Level  `json:",omitempty"`
	Text    string `json:",omitempty"` // printable: what isn't from this program is quoted
	Members int    `json:",omitempty"`
	Free    uint64 `json:",omitempty"` // bytes on the file system of the data folder
	Reserve uint64 `json:",omitempty"` // bytes that are to stay free
	NoSpace bool   `json:",omitempty"` // a NOSPACE alarm is on
	Dropped int64  `json:",omitempty"` // lines of the log that were dropped since the last event
}

const (
	// waiting bounds how many events wait for a parent that doesn't read, such as one that was paused.
	waiting = 256

	// flushTimeout bounds how long the end of the process waits for the parent to read.
	flushTimeout = time.Second
)

// reporter writes events. Neither etcd nor the guard ever waits for it: lines of the log are dropped where the parent
// doesn't read. It is safe for concurrent use.
type reporter struct {
	out     *json.Encoder
	queue   chan Event
	closing chan struct{}
	closed  sync.Once
	flushed chan struct{} // closed by run
	dropped atomic.Int64
	failing atomic.Bool // what else fails now, fails because the process is about to end
}

func newReporter(out io.Writer) *reporter {
	return &reporter{
		out: json.NewEncoder(out), queue: make(chan Event, waiting),
		closing: make(chan struct{}), flushed: make(chan struct{}),
	}
}

// run writes until close, or until the parent is gone.
func (r *reporter) run() {
	defer close(r.flushed)
	for {
		select {
		case event := <-r.queue:
			event.Dropped = r.dropped.Swap(0)
			if r.out.Encode(event) != nil {
				return
			}
		case <-r.closing:
			for len(r.queue) > 0 {
				if r.out.Encode(<-r.queue) != nil {
					return
				}
			}
			return
		}
	}
}

// close has run write what is queued, for as long as flushTimeout, and end.
func (r *reporter) close() {
	r.closed.Do(func() { close(r.closing) })
	timeout := time.NewTimer(flushTimeout)
	defer timeout.Stop()
	select {
	case <-r.flushed:
	case <-timeout.C:
	}
}

// offer reports what may be lost.
func (r *reporter) offer(event Event) {
	select {
	case r.queue <- event:
	default:
		if event.Kind != Disk { // the next one says the same
			r.dropped.Add(1)
		}
	}
}

// tell reports what the parent has to know: it waits.
func (r *reporter) tell(event Event) {
	select {
	case r.queue <- event:
	case <-r.flushed:
	}
}

// fail reports why the process ends, unless that was reported before.
func (r *reporter) fail(reason string) {
	if !r.failing.Swap(true) {
		r.tell(Event{Kind: Failed, Text: reason})
	}
	r.close()
}

// Infof logs.
func (r *reporter) Infof(format string, args ...any) {
	r.offer(Event{Kind: Log, Level: Info, Text: fmt.Sprintf(format, args...)})
}

// Warningf logs.
func (r *reporter) Warningf(format string, args ...any) {
	r.offer(Event{Kind: Log, Level: Warning, Text: fmt.Sprintf(format, args...)})
}

// Errorf logs.
func (r *reporter) Errorf(format string, args ...any) {
	r.offer(Event{Kind: Log, Level: Error, Text: fmt.Sprintf(format, args...)})
}
