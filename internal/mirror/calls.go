package mirror

import "sync"

// calls queues functions for the loop, which calls them in order. It is safe for
// concurrent use.
type calls struct {
	wake chan struct{} // has a token when there are some

	mu      sync.Mutex
	waiting []func()
}

func newCalls() *calls { return &calls{wake: make(chan struct{}, 1)} }

func (c *calls) add(fn func()) {
	c.mu.Lock()
	c.waiting = append(c.waiting, fn)
	c.mu.Unlock()
	signal(c.wake)
}

// take empties the queue.
func (c *calls) take() []func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	waiting := c.waiting
	c.waiting = nil
	return waiting
}

// signal leaves a token in a channel of capacity 1.
func signal(ch chan<- struct{}) {
	select {
	case ch <- struct{}{}:
	default: // there is one
	}
}
