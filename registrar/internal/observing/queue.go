// Package observing tells a registrar.Observer what a client does.
package observing

import "sync"

// Queue tells of events in their order, with no lock held: an observer may use the
// client, and its own calls only queue more. It is safe for concurrent use. The zero
// value is empty.
type Queue struct {
	mu      sync.Mutex
	events  []func()
	telling bool
}

// Add queues an event for the next Tell. It can be called with a lock held.
func (q *Queue) Add(tell func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.events = append(q.events, tell)
}

// Tell tells of all events, unless another goroutine does so already, or the caller is
// an observer: then that goes on with them. It is called without a lock.
func (q *Queue) Tell() {
	for first := true; ; first = false {
		q.mu.Lock()
		if q.telling && first {
			q.mu.Unlock()
			return
		}
		events := q.events
		q.events = nil
		q.telling = len(events) > 0
		q.mu.Unlock()
		if len(events) == 0 {
			return
		}
		for _, tell := range events {
			tell()
		}
	}
}
