// Package logqueue hands log records to a handler from a goroutine of its own, so
// that code which logs neither waits for a handler that blocks nor meets itself in
// it; and passes on no more lines about one key than somebody reads.
package logqueue

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// limit bounds how many records wait for a handler that is slow: enough for a
// warning about each of many instances, some hundred KiB at most.
const limit = 1024

// Queue is what loggers put records into. It is safe for concurrent use. Its
// goroutine lives only while there is something to hand over.
type Queue struct {
	total atomic.Uint64 // dropped since New

	mu      sync.Mutex
	records []entry
	dropped int           // since the last time that this was logged
	idle    chan struct{} // closed when the goroutine ends; nil while there is none
}

// entry is a record on its way to its handler.
type entry struct {
	ctx     context.Context // the handler gets the one that the record was logged with
	handler slog.Handler
	record  slog.Record
}

// New returns a logger that queues what it is given for the other one's
// handler, in order, and the queue. Where the handler falls behind, the newest
// records are dropped, and the number of them is logged.
func New(log *slog.Logger) (*slog.Logger, *Queue) {
	q := &Queue{}
	return slog.New(handler{q, log.Handler()}), q
}

// Flush waits until the handler has all records, at most until the deadline.
func (q *Queue) Flush(deadline time.Time) {
	q.mu.Lock()
	idle := q.idle
	q.mu.Unlock()
	if idle == nil {
		return
	}
	timeout := time.NewTimer(time.Until(deadline))
	defer timeout.Stop()
	select {
	case <-idle:
	case <-timeout.C:
	}
}

// Dropped returns how many records were dropped since New.
func (q *Queue) Dropped() uint64 { return q.total.Load() }

func (q *Queue) put(e entry) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.records) >= limit {
		q.dropped++
		q.total.Add(1)
		return
	}
	q.records = append(q.records, e)
	if q.idle == nil {
		q.idle = make(chan struct{})
		go q.drain()
	}
}

// drain hands records over until there are none.
func (q *Queue) drain() {
	for {
		records, dropped := q.take()
		if len(records) == 0 {
			return
		}
		for _, e := range records {
			_ = e.handler.Handle(e.ctx, e.record) // as slog.Logger does
		}
		if dropped > 0 {
			last := records[len(records)-1]
			r := slog.NewRecord(time.Now(), slog.LevelWarn, "the log handler is too slow, messages were dropped", 0)
			r.AddAttrs(slog.Int("messages", dropped))
			_ = last.handler.Handle(last.ctx, r)
		}
	}
}

// take returns what is queued, or notes that the goroutine ends.
func (q *Queue) take() (records []entry, dropped int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	records, dropped = q.records, q.dropped
	q.records, q.dropped = nil, 0
	if len(records) == 0 {
		close(q.idle)
		q.idle = nil
	}
	return records, dropped
}

// handler is the queue's side towards a logger.
type handler struct {
	queue *Queue
	next  slog.Handler
}

var _ slog.Handler = handler{}

// Enabled implements slog.Handler.
func (h handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle implements slog.Handler. It never fails.
func (h handler) Handle(ctx context.Context, r slog.Record) error {
	h.queue.put(entry{context.WithoutCancel(ctx), h.next, r.Clone()})
	return nil
}

// WithAttrs implements slog.Handler.
func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.queue, h.next.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h handler) WithGroup(name string) slog.Handler {
	return handler{h.queue, h.next.WithGroup(name)}
}
