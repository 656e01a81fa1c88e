package memkv

import (
	"context"
	"io"
	"slices"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/internal/mirror"
)

// progressID is the ID of a response about all watches of a stream, as etcd has
// it.
const progressID = -1

// Stream implements mirror.Source.
func (s *Store) Stream(ctx context.Context) (mirror.Stream, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	st := &stream{store: s, wake: make(chan struct{}, 1), watches: map[int64]*watch{}, inStep: map[string][]*watch{}, responses: make(chan *pb.WatchResponse)}
	st.ctx, st.cancel = context.WithCancel(ctx)
	st.done.Go(st.run)
	return st, nil
}

// stream is a watch stream. One goroutine sends all responses.
type stream struct {
	store     *Store
	ctx       context.Context
	cancel    context.CancelFunc
	done      sync.WaitGroup
	wake      chan struct{} // something was asked
	responses chan *pb.WatchResponse

	// The store's mutex guards these:
	watches  map[int64]*watch    // by ID
	served   int64               // the revision up to which those in step were served
	inStep   map[string][]*watch // by range
	behind   []*watch            // those that are not
	answers  []*pb.WatchResponse // to what was asked, but progress
	progress bool                // was asked for
}

// watch is one of a stream's.
type watch struct {
	id   int64
	rng  string
	next int64 // the revision from which on changes are to be sent, unless it is in step
}

// ask has the stream's goroutine look at what fn has asked.
func (st *stream) ask(fn func()) error {
	if st.ctx.Err() != nil {
		return io.EOF
	}
	st.store.mu.Lock()
	fn()
	st.store.mu.Unlock()
	select {
	case st.wake <- struct{}{}:
	default: // it is about to look anyway
	}
	return nil
}

// Add implements mirror.Stream.
func (st *stream) Add(id int64, rng string, after int64) error {
	return st.ask(func() {
		st.answers = append(st.answers, &pb.WatchResponse{Header: st.store.header(), WatchId: id, Created: true})
		w := &watch{id, rng, after + 1}
		st.watches[id] = w
		st.behind = append(st.behind, w)
	})
}

// Remove implements mirror.Stream.
func (st *stream) Remove(id int64) error {
	return st.ask(func() {
		w := st.watches[id]
		if w == nil {
			return
		}
		delete(st.watches, id)
		is := func(other *watch) bool { return other == w }
		st.behind = slices.DeleteFunc(st.behind, is)
		if left := slices.DeleteFunc(st.inStep[w.rng], is); len(left) > 0 {
			st.inStep[w.rng] = left
		} else {
			delete(st.inStep, w.rng)
		}
		st.answers = append(st.answers, &pb.WatchResponse{Header: st.store.header(), WatchId: id, Canceled: true})
	})
}

// RequestProgress implements mirror.Stream.
func (st *stream) RequestProgress() error { return st.ask(func() { st.progress = true }) }

// Responses implements mirror.Stream.
func (st *stream) Responses() <-chan *pb.WatchResponse { return st.responses }

// Err implements mirror.Stream.
func (st *stream) Err() error { return nil }

// Close implements mirror.Stream.
func (st *stream) Close() {
	st.cancel()
	st.done.Wait()
}

func (st *stream) run() {
	defer close(st.responses)
	for {
		batch, changed := st.take()
		for _, resp := range batch {
			select {
			case st.responses <- resp:
			case <-st.ctx.Done():
				return
			}
		}
		if len(batch) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-st.wake:
		case <-st.ctx.Done():
			return
		}
	}
}

// take returns what is to be sent now: answers, then changes, then progress,
// which is true once all that came before it has been read.
func (st *stream) take() ([]*pb.WatchResponse, <-chan struct{}) {
	s := st.store
	s.mu.Lock()
	defer s.mu.Unlock()
	batch := st.answers
	st.answers = nil
	if st.served < s.compacted {
		st.fallBehind()
	}
	batch = append(batch, st.news()...)
	behind := st.behind
	st.behind = nil
	for _, w := range behind {
		switch resp := s.changes(w); {
		case resp != nil && resp.Canceled:
			delete(st.watches, w.id)
			batch = append(batch, resp)
		case w.next > s.revision+1:
			st.behind = append(st.behind, w) // of the future
		default:
			st.inStep[w.rng] = append(st.inStep[w.rng], w)
			if resp != nil {
				batch = append(batch, resp)
			}
		}
	}
	if st.progress {
		st.progress = false
		batch = append(batch, &pb.WatchResponse{Header: s.header(), WatchId: progressID})
	}
	return batch, s.changed
}

// fallBehind has the watches that were in step look at what is left of the
// history.
func (st *stream) fallBehind() {
	for rng, watches := range st.inStep {
		for _, w := range watches {
			w.next = st.served + 1
			st.behind = append(st.behind, w)
		}
		delete(st.inStep, rng)
	}
}

// news returns what has happened to the ranges of watches in step. The caller
// holds the mutex.
func (st *stream) news() (batch []*pb.WatchResponse) {
	byWatch := map[*watch]*pb.WatchResponse{}
	for _, ev := range st.store.since(st.served) {
		for rng := range enclosing(string(ev.Kv.Key)) {
			for _, w := range st.inStep[rng] {
				resp := byWatch[w]
				if resp == nil {
					resp = &pb.WatchResponse{Header: st.store.header(), WatchId: w.id}
					byWatch[w] = resp
					batch = append(batch, resp)
				}
				resp.Events = append(resp.Events, &mvccpb.Event{Type: ev.Type, Kv: ev.Kv})
			}
		}
	}
	st.served = max(st.served, st.store.revision)
	return batch
}

// changes returns what there is for a watch that is not in step, nil if there is
// nothing. The caller holds the mutex.
func (s *Store) changes(w *watch) *pb.WatchResponse {
	resp := &pb.WatchResponse{Header: s.header(), WatchId: w.id}
	if w.next <= s.compacted {
		resp.Canceled, resp.CompactRevision = true, s.compacted+1
		return resp
	}
	for _, ev := range s.since(w.next - 1) {
		if within(w.rng, string(ev.Kv.Key)) {
			resp.Events = append(resp.Events, &mvccpb.Event{Type: ev.Type, Kv: ev.Kv})
		}
	}
	w.next = max(w.next, s.revision+1)
	if len(resp.Events) == 0 {
		return nil
	}
	return resp
}
