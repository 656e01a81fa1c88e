package member

import "time"

// Queue hands values to a function that may block, from a goroutine of its own, so that nobody else waits for it. It is
// safe for concurrent use.
type Queue[T any] struct {
	values          chan T
	closing, closed chan struct{}
}

// NewQueue returns a queue in which as many values as limit can wait for take.
func NewQueue[T any](limit int, take func(T)) *Queue[T] {
	q := &Queue[T]{values: make(chan T, limit), closing: make(chan struct{}), closed: make(chan struct{})}
	go q.run(take)
	return q
}

// run ends after close.
func (q *Queue[T]) run(take func(T)) {
	defer close(q.closed)
	for {
		select {
		case value := <-q.values:
			take(value)
		case <-q.closing:
			for len(q.values) > 0 {
				take(<-q.values)
			}
			return
		}
	}
}

// Offer puts a value into the queue, or returns false where that is full.
func (q *Queue[T]) Offer(value T) bool {
	select {
	case q.values <- value:
		return true
	default:
		return false
	}
}

// Put puts a value into the queue, and waits for room.
func (q *Queue[T]) Put(value T) { q.values <- value }

// Close has what waits taken, and returns once that is done, or after the patience: the goroutine of the queue then ends
// once take lets it, or with the process. It is called once.
func (q *Queue[T]) Close(patience time.Duration) {
	close(q.closing)
	timeout := time.NewTimer(patience)
	defer timeout.Stop()
	select {
	case <-q.closed:
	case <-timeout.C:
	}
}
