package mirror

import (
	"context"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"google.golang.org/protobuf/proto"
)

// What a queue holds at most, so that a view that is slow makes etcd wait, which
// then sends many changes at once, rather than fills the memory.
const (
	maxQueued      = 10_000
	maxQueuedBytes = 64 << 20
)

// received is a response of a watch stream.
type received struct {
	*pb.WatchResponse
	at time.Time // when it arrived
}

// queue holds what has arrived on a watch stream until the loop takes it.
type queue struct {
	ready chan struct{} // has a token when there is something to take
	space chan struct{} // has a token when something was taken

	mu     sync.Mutex
	items  []received
	bytes  int
	closed bool
}

func newQueue() *queue {
	return &queue{ready: make(chan struct{}, 1), space: make(chan struct{}, 1)}
}

// put adds a response once there is space. It reports false when ctx was done
// before.
func (q *queue) put(ctx context.Context, r received) bool {
	size := proto.Size(r.WatchResponse)
	for !q.tryPut(r, size) {
		select {
		case <-q.space:
		case <-ctx.Done():
			return false
		}
	}
	signal(q.ready)
	return true
}

// tryPut adds a response if there is space. One that is larger than all that
// there is waits until it is alone.
func (q *queue) tryPut(r received, size int) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) > 0 && (len(q.items) >= maxQueued || q.bytes+size > maxQueuedBytes) {
		return false
	}
	q.items, q.bytes = append(q.items, r), q.bytes+size
	return true
}

// empty reports whether nothing waits.
func (q *queue) empty() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.items) == 0
}

// close says that nothing comes any more.
func (q *queue) close() {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	signal(q.ready)
}

// take returns all that waits, in order, and whether that was the last.
func (q *queue) take() (items []received, last bool) {
	q.mu.Lock()
	items, q.items, q.bytes = q.items, nil, 0
	last = q.closed
	q.mu.Unlock()
	signal(q.space)
	return items, last
}
