package mirror

import (
	"context"
	"sync"
	"time"
)

// sender sends the requests of a stream in order, from a goroutine of its own, so
// that one that blocks does not block the loop.
type sender struct {
	wake chan struct{} // has a token when there are requests
	done chan struct{}

	mu       sync.Mutex
	requests []func(Stream) error
	ledger   ledger // of the requests for progress among them
}

func newSender() *sender {
	return &sender{wake: make(chan struct{}, 1), done: make(chan struct{})}
}

// send queues a request, and returns how many requests for progress precede it.
func (s *sender) send(request func(Stream) error) (asked int64) {
	defer signal(s.wake)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, request)
	return s.ledger.asked
}

// ask queues a request for progress.
func (s *sender) ask() {
	defer signal(s.wake)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, Stream.RequestProgress)
	s.ledger.ask(time.Now())
}

// answered notes a response to a request for progress.
func (s *sender) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ledger.answer()
}

// before returns how many of the first requests for progress may still be
// answered.
func (s *sender) before(first int64, now time.Time) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ledger.before(first, now)
}

// run sends requests until ctx is done, or one fails: then the stream has ended.
func (s *sender) run(ctx context.Context, stream Stream) {
	defer close(s.done)
	for {
		s.mu.Lock()
		requests := s.requests
		s.requests = nil
		s.mu.Unlock()
		for _, request := range requests {
			if ctx.Err() != nil || request(stream) != nil {
				return
			}
		}
		select {
		case <-s.wake:
		case <-ctx.Done():
			return
		}
	}
}
