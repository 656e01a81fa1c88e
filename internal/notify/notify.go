// Package notify has those look again who wait for something to change.
package notify

import "sync"

// List is who waits for something. The zero value is nobody. It is safe for
// concurrent use.
type List struct {
	mu      sync.Mutex
	waiting map[*waiter]struct{}
}

type waiter struct{ wake chan<- struct{} }

// Add has wake, which has room for a token, get one with each Notify unless it holds
// one, until stop is called.
func (l *List) Add(wake chan<- struct{}) (stop func()) {
	w := &waiter{wake}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.waiting == nil {
		l.waiting = map[*waiter]struct{}{}
	}
	l.waiting[w] = struct{}{}
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.waiting, w)
	}
}

// Notify wakes all. It doesn't wait for them.
func (l *List) Notify() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for w := range l.waiting {
		select {
		case w.wake <- struct{}{}:
		default: // it is about to look anyway
		}
	}
}

// Empty reports whether nobody waits.
func (l *List) Empty() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.waiting) == 0
}
