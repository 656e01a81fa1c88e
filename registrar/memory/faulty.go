package memory

import (
	"context"
	"sync"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/internal/memkv"
	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar/internal/writer"
)

// faulty is a store whose requests fail, and whose streams are silent, as its fault
// says.
type faulty struct {
	kv    *memkv.Store
	fault *fault
}

var (
	_ mirror.Source  = faulty{}
	_ writer.Backend = faulty{}
)

// List implements mirror.Source.
func (f faulty) List(ctx context.Context, rng string, at int64, fn func([]*mvccpb.KeyValue) error) (mirror.Head, error) {
	if err := f.fault.refusal(); err != nil {
		return mirror.Head{}, err
	}
	return f.kv.List(ctx, rng, at, fn)
}

// Probe implements mirror.Source.
func (f faulty) Probe(ctx context.Context, rng string) (mirror.Head, error) {
	if err := f.fault.refusal(); err != nil {
		return mirror.Head{}, err
	}
	return f.kv.Probe(ctx, rng)
}

// CountSince implements mirror.Source.
func (f faulty) CountSince(ctx context.Context, rng string, since int64) (mirror.Count, error) {
	if err := f.fault.refusal(); err != nil {
		return mirror.Count{}, err
	}
	return f.kv.CountSince(ctx, rng, since)
}

// LastError implements mirror.Source and writer.Backend.
func (f faulty) LastError() error { return f.fault.refusal() }

// Grant implements writer.Backend.
func (f faulty) Grant(ctx context.Context, ttl time.Duration) (id int64, granted time.Duration, err error) {
	if err := f.fault.refusal(); err != nil {
		return 0, 0, err
	}
	return f.kv.Grant(ctx, ttl)
}

// KeepAlive implements writer.Backend.
func (f faulty) KeepAlive(ctx context.Context) (renew func(id int64) (time.Duration, error), err error) {
	if err := f.fault.refusal(); err != nil {
		return nil, err
	}
	inner, err := f.kv.KeepAlive(ctx)
	if err != nil {
		return nil, err
	}
	return func(id int64) (time.Duration, error) {
		if err := f.fault.refusal(); err != nil {
			return 0, err
		}
		return inner(id)
	}, nil
}

// TimeToLive implements writer.Backend.
func (f faulty) TimeToLive(ctx context.Context, id int64) (left time.Duration, keys []string, err error) {
	if err := f.fault.refusal(); err != nil {
		return 0, nil, err
	}
	return f.kv.TimeToLive(ctx, id)
}

// Revoke implements writer.Backend.
func (f faulty) Revoke(ctx context.Context, id int64) error {
	if err := f.fault.refusal(); err != nil {
		return err
	}
	return f.kv.Revoke(ctx, id)
}

// Txn implements writer.Backend.
func (f faulty) Txn(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	if err := f.fault.refusal(); err != nil {
		return nil, err
	}
	return f.kv.Txn(ctx, r)
}

// Stream implements mirror.Source.
func (f faulty) Stream(ctx context.Context) (mirror.Stream, error) {
	if err := f.fault.refusal(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	inner, err := f.kv.Stream(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	s := &stream{Stream: inner, cancel: cancel, responses: make(chan *pb.WatchResponse)}
	s.done.Go(func() { s.forward(ctx, f.fault) })
	return s, nil
}

// stream holds responses back while its store gives none.
type stream struct {
	mirror.Stream
	cancel    context.CancelFunc
	done      sync.WaitGroup
	responses chan *pb.WatchResponse
}

func (s *stream) forward(ctx context.Context, f *fault) {
	defer close(s.responses)
	for resp := range s.Stream.Responses() {
		for {
			state, changed := f.get()
			if state == Up || state == Stale {
				break
			}
			select {
			case <-changed:
			case <-ctx.Done():
				return
			}
		}
		select {
		case s.responses <- resp:
		case <-ctx.Done():
			return
		}
	}
}

// Responses implements mirror.Stream.
func (s *stream) Responses() <-chan *pb.WatchResponse { return s.responses }

// Close implements mirror.Stream.
func (s *stream) Close() {
	s.cancel()
	s.Stream.Close()
	s.done.Wait()
}
