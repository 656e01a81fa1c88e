package member

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// Kind says what an Event is about.
type Kind string

// The kinds of events.
const (
	Started Kind = "started" // etcd is one of several members, and waits for others
	Serving Kind = "serving" // etcd serves its clients
	Disk    Kind = "disk"    // Free, Reserve and NoSpace, as they are now
	Info    Kind = "info"    // Text is for the log, at this level
	Warning Kind = "warning" // the same
	Error   Kind = "error"   // the same
	Failed  Kind = "failed"  // the process ends for the reason in Text
	Removed Kind = "removed" // the process ends: the member was removed from its cluster
)

// Event is something that has happened to the etcd.
type Event struct {
	Kind    Kind
	Text    string `json:",omitempty"` // printable: what isn't from this program is quoted
	Free    uint64 `json:",omitempty"` // bytes on the file system of the data folder
	Reserve uint64 `json:",omitempty"` // bytes that are to stay free
	NoSpace bool   `json:",omitempty"` // a NOSPACE alarm is on
}

// reporter writes events, which the parent reads without delay. It is safe for concurrent use.
type reporter struct {
	mu     sync.Mutex
	out    *json.Encoder
	failed bool // what else fails, fails because the process is about to end
}

func newReporter(out io.Writer) *reporter { return &reporter{out: json.NewEncoder(out)} }

func (r *reporter) report(event Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed {
		return
	}
	r.failed = r.failed || event.Kind == Failed
	_ = r.out.Encode(event) // a parent that is gone shows itself otherwise
}

// fail reports why the process ends, unless that was reported before.
func (r *reporter) fail(reason string) { r.report(Event{Kind: Failed, Text: reason}) }

// Infof logs.
func (r *reporter) Infof(format string, args ...any) {
	r.report(Event{Kind: Info, Text: fmt.Sprintf(format, args...)})
}

// Warningf logs.
func (r *reporter) Warningf(format string, args ...any) {
	r.report(Event{Kind: Warning, Text: fmt.Sprintf(format, args...)})
}

// Errorf logs.
func (r *reporter) Errorf(format string, args ...any) {
	r.report(Event{Kind: Error, Text: fmt.Sprintf(format, args...)})
}
