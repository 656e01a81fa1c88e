package mirror

import (
	"context"
	"slices"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
)

// Stream implements Source.
func (f *fakeEtcd) Stream(ctx context.Context) (Stream, error) {
	f.mu.Lock()
	onStream := f.onStream
	f.seen.opened = append(f.seen.opened, time.Now())
	f.mu.Unlock()
	if onStream != nil {
		if err := onStream(ctx); err != nil {
			return nil, err
		}
	}
	if err := f.enter(ctx); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	ctx, cancel := context.WithCancel(ctx)
	s := &fakeStream{
		f: f, ctx: ctx, cancel: cancel, watches: map[int64]*fakeWatch{},
		out: make(chan *pb.WatchResponse), wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	f.streams[s] = struct{}{}
	go s.pump()
	return s, nil
}

type fakeStream struct {
	f      *fakeEtcd
	ctx    context.Context //nolint:containedctx // of the stream, as in gRPC
	cancel context.CancelFunc
	out    chan *pb.WatchResponse
	wake   chan struct{}
	done   chan struct{}

	// Under f.mu:
	watches map[int64]*fakeWatch
	queue   []*pb.WatchResponse
	ended   bool
}

type fakeWatch struct {
	rng  string
	next int64 // the lowest revision not sent yet
}

// send queues a response. The caller holds f.mu, as those of all that follow.
func (s *fakeStream) send(resp *pb.WatchResponse) {
	s.queue = append(s.queue, resp)
	signal(s.wake)
}

func (s *fakeStream) finish() {
	delete(s.f.streams, s)
	clear(s.watches)
	s.ended = true
	signal(s.wake)
}

func (s *fakeStream) pump() {
	defer close(s.done)
	defer close(s.out)
	for {
		s.f.mu.Lock()
		queue, ended := s.queue, s.ended
		s.queue = nil
		s.f.mu.Unlock()
		for _, resp := range queue {
			select {
			case s.out <- resp:
			case <-s.ctx.Done():
				return
			}
		}
		if ended {
			return
		}
		select {
		case <-s.wake:
		case <-s.ctx.Done():
			return
		}
	}
}

// Add implements Stream.
func (s *fakeStream) Add(id int64, rng string, after int64) error {
	s.f.mu.Lock()
	onAdd := s.f.onAdd
	s.f.seen.added = append(s.f.seen.added, rng)
	s.f.mu.Unlock()
	var refused error
	if s.f.denies(rng) {
		refused = rpctypes.ErrGRPCPermissionDenied
	}
	if onAdd != nil {
		refused = onAdd(rng)
	}
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if s.ended {
		return errDown
	}
	if refused != nil {
		s.send(&pb.WatchResponse{Header: s.f.header(), WatchId: id, Created: true, Canceled: true, CancelReason: refused.Error()})
		return nil
	}
	s.watches[id] = &fakeWatch{rng: rng, next: after}
	s.send(&pb.WatchResponse{Header: s.f.header(), WatchId: id, Created: true})
	s.f.feed()
	return nil
}

// Remove implements Stream.
func (s *fakeStream) Remove(id int64) error {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if s.watches[id] != nil {
		delete(s.watches, id)
		s.send(&pb.WatchResponse{Header: s.f.header(), WatchId: id, Canceled: true})
	}
	return nil
}

// Responses implements Stream.
func (s *fakeStream) Responses() <-chan *pb.WatchResponse { return s.out }

// Err implements Stream.
func (s *fakeStream) Err() error {
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	return s.f.broken
}

// RequestProgress implements Stream. As etcd's, it is answered only where all
// watches have had everything.
func (s *fakeStream) RequestProgress() error {
	s.f.mu.Lock()
	onProgress := s.f.onProgress
	s.f.seen.asked++
	s.f.mu.Unlock()
	if onProgress != nil {
		if err := onProgress(s.ctx); err != nil {
			return err
		}
	}
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	if s.f.deaf || s.f.held || len(s.watches) == 0 {
		return nil
	}
	for _, w := range s.watches {
		if slices.Contains(s.f.stalled, w.rng) {
			return nil
		}
	}
	s.send(progress(s.f.header()))
	for _, w := range s.watches {
		w.next = max(w.next, s.f.revision+1)
	}
	return nil
}

// Close implements Stream.
func (s *fakeStream) Close() {
	s.cancel()
	<-s.done
	s.f.mu.Lock()
	defer s.f.mu.Unlock()
	delete(s.f.streams, s)
}

// progress is a response that says how far all watches of a stream are.
func progress(h *pb.ResponseHeader) *pb.WatchResponse {
	return &pb.WatchResponse{Header: h, WatchId: allWatches}
}
