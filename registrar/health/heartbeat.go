package health

import (
	"context"
	"fmt"
	"time"

	"github.com/rosterdns/roster/catalog"
)

// Heartbeat is a Monitor of a program by itself: it says again and again that it works,
// and silence means that it doesn't, as when a loop hangs. It is safe for concurrent use.
type Heartbeat struct {
	silence time.Duration
	beats   chan struct{} // holds one: several at once say no more
}

// NewHeartbeat returns a Heartbeat that is down after so long a silence, which must be
// more than 0.
func NewHeartbeat(silence time.Duration) *Heartbeat {
	return &Heartbeat{silence: silence, beats: make(chan struct{}, 1)}
}

// Beat says that the program works. It never blocks.
func (h *Heartbeat) Beat() {
	select {
	case h.beats <- struct{}{}:
	default:
	}
}

// Run implements Monitor. Before the first Beat the status isn't known, for as long as a
// silence may last.
func (h *Heartbeat) Run(ctx context.Context, changed func(Result)) {
	silent := time.NewTimer(h.silence)
	defer silent.Stop()
	var status catalog.Status
	report := func(r Result) {
		if r.Status != status {
			status = r.Status
			changed(r)
		}
	}
	for {
		select {
		case <-h.beats:
			silent.Reset(h.silence)
			report(Result{Status: catalog.StatusUp})
		case <-silent.C:
			report(Result{catalog.StatusDown, fmt.Errorf("no heartbeat for %v", h.silence)})
		case <-ctx.Done():
			return
		}
	}
}
