package faulty

import (
	"context"
	"io"
	"sync"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"

	"github.com/rosterdns/roster/internal/mirror"
)

var _ mirror.Source = (*Etcd)(nil)

// List implements mirror.Source.
func (e *Etcd) List(ctx context.Context, rng string, at int64, fn func([]*mvccpb.KeyValue) error) (mirror.Head, error) {
	f, err := e.reach(ctx, "List")
	if err != nil {
		return mirror.Head{}, err
	}
	if f.denies(rng) {
		return mirror.Head{}, rpctypes.ErrPermissionDenied
	}
	if at == 0 { // rather than for an audit
		e.count(func(c *Counts) { c.Lists = append(c.Lists, rng) })
	}
	head, err := e.Store.List(ctx, rng, at, fn)
	if f.HangLists {
		<-ctx.Done()
		err = ctx.Err()
	}
	return head, err
}

// Probe implements mirror.Source.
func (e *Etcd) Probe(ctx context.Context, rng string) (mirror.Head, error) {
	if _, err := e.reach(ctx, "Probe"); err != nil {
		return mirror.Head{}, err
	}
	return e.Store.Probe(ctx, rng)
}

// CountSince implements mirror.Source.
func (e *Etcd) CountSince(ctx context.Context, rng string, since int64) (mirror.Count, error) {
	f, err := e.reach(ctx, "CountSince")
	if err != nil {
		return mirror.Count{}, err
	}
	if f.denies(rng) {
		return mirror.Count{}, rpctypes.ErrPermissionDenied
	}
	return e.Store.CountSince(ctx, rng, since)
}

// LastError implements mirror.Source.
func (e *Etcd) LastError() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.faults.LastError
}

// Stream implements mirror.Source.
func (e *Etcd) Stream(ctx context.Context) (mirror.Stream, error) {
	if _, err := e.reach(ctx, "Stream"); err != nil {
		return nil, err
	}
	s := &stream{etcd: e, responses: make(chan *pb.WatchResponse), refusals: make(chan *pb.WatchResponse, maxRefusals)}
	broken := e.breaking()
	s.ctx, s.cancel = context.WithCancel(ctx)
	inner, err := e.Store.Stream(s.ctx)
	if err != nil {
		s.cancel()
		return nil, err
	}
	s.Stream = inner
	s.done.Go(func() {
		defer s.cancel()
		select {
		case <-broken:
		case <-s.ctx.Done():
		}
	})
	s.done.Go(func() { s.forward(s.ctx) })
	return s, nil
}

// maxRefusals is how many watches can be refused before one is read of: those who
// add watches are those who read.
const maxRefusals = 1024

// stream holds responses back while its etcd is not up, and breaks with it.
type stream struct {
	mirror.Stream
	etcd      *Etcd
	ctx       context.Context
	cancel    context.CancelFunc
	done      sync.WaitGroup
	refusals  chan *pb.WatchResponse
	responses chan *pb.WatchResponse
}

func (s *stream) forward(ctx context.Context) {
	defer close(s.responses)
	defer s.cancel()
	for {
		var resp *pb.WatchResponse
		select {
		case resp = <-s.refusals:
		case resp = <-s.Stream.Responses():
		case <-ctx.Done():
		}
		if resp == nil {
			return
		}
		if _, up := s.etcd.up(ctx.Done(), true); !up {
			return
		}
		select {
		case s.responses <- resp:
		case <-ctx.Done():
			return
		}
	}
}

// Add implements mirror.Stream.
func (s *stream) Add(id int64, rng string, after int64) error {
	s.etcd.mu.Lock()
	f := s.etcd.faults
	s.etcd.counts.Watches = append(s.etcd.counts.Watches, rng)
	s.etcd.mu.Unlock()
	if !f.denies(rng) {
		return s.Stream.Add(id, rng, after)
	}
	select {
	case s.refusals <- &pb.WatchResponse{Header: &pb.ResponseHeader{}, WatchId: id, Created: true, Canceled: true, CancelReason: rpctypes.ErrPermissionDenied.Error()}:
		return nil
	case <-s.ctx.Done():
		return io.EOF
	}
}

// RequestProgress implements mirror.Stream.
func (s *stream) RequestProgress() error {
	s.etcd.count(func(c *Counts) { c.Progress++ })
	return s.Stream.RequestProgress()
}

// Responses implements mirror.Stream.
func (s *stream) Responses() <-chan *pb.WatchResponse { return s.responses }

// Close implements mirror.Stream.
func (s *stream) Close() {
	s.cancel()
	s.Stream.Close()
	s.done.Wait()
}
