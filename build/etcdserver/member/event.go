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
	Started Kind = "started" // etcd is one of several members, and waits for others
	Serving Kind = "serving" // etcd serves its clients
	Disk    Kind = "disk"    // Free, Reserve and NoSpace, as they are now
	Log     Kind = "log"     // Text is for the log, at Level
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
	Free    uint64 `json:",omitempty"` // bytes on the file system of the data folder
	Reserve uint64 `json:",omitempty"` // bytes that are to stay free
	NoSpace bool   `json:",omitempty"` // a NOSPACE alarm is on
	Dropped int64  `json:",omitempty"` // events that were dropped since the last one
}

const (
	// waiting bounds how many events wait for a parent that doesn't read, such as one that was paused: minutes of them.
	waiting = 256

	// flushTimeout bounds how long the end of the process waits for the parent to read.
	flushTimeout = time.Second
)

// reporter writes events. What is logged is dropped where the parent doesn't read: nobody waits for that. It is safe for
// concurrent use.
type reporter struct {
	queue   *Queue[Event]
	dropped atomic.Int64
	failing atomic.Bool // what else fails now, fails because the process is about to end
	closed  sync.Once
}

func newReporter(out io.Writer) *reporter {
	r, encoder := &reporter{}, json.NewEncoder(out)
	r.queue = NewQueue(waiting, func(event Event) {
		event.Dropped = r.dropped.Swap(0)
		_ = encoder.Encode(event) // a parent that is gone shows itself otherwise
	})
	return r
}

// close has the parent read what waits.
func (r *reporter) close() { r.closed.Do(func() { r.queue.Close(flushTimeout) }) }

func (r *reporter) report(event Event) {
	if !r.queue.Offer(event) {
		r.dropped.Add(1)
	}
}

// tell reports what the parent has to know: it waits.
func (r *reporter) tell(kind Kind) { r.queue.Put(Event{Kind: kind}) }

// fail reports why the process ends, unless that was reported before.
func (r *reporter) fail(reason string) {
	if !r.failing.Swap(true) {
		r.report(Event{Kind: Failed, Text: reason})
	}
	r.close()
}

// Infof logs.
func (r *reporter) Infof(format string, args ...any) {
	r.report(Event{Kind: Log, Level: Info, Text: fmt.Sprintf(format, args...)})
}

// Warningf logs.
func (r *reporter) Warningf(format string, args ...any) {
	r.report(Event{Kind: Log, Level: Warning, Text: fmt.Sprintf(format, args...)})
}

// Errorf logs.
func (r *reporter) Errorf(format string, args ...any) {
	r.report(Event{Kind: Log, Level: Error, Text: fmt.Sprintf(format, args...)})
}
