package observing

import (
	"context"
	"errors"
	"fmt"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/rosterdns/roster/internal/mirror"
	"github.com/rosterdns/roster/registrar"
	"github.com/rosterdns/roster/registrar/internal/etcderror"
	"github.com/rosterdns/roster/registrar/internal/writer"
)

// requests tells an observer of requests.
type requests struct{ observer registrar.Observer }

// ended tells of a request that began at start.
func (r requests) ended(ctx context.Context, o registrar.Operation, start time.Time, err error) {
	r.observer.Requested(registrar.Request{Operation: o, Duration: time.Since(start), Err: reason(ctx, err)})
}

// reason makes an error of a request one that observers can test for. What the client
// itself gave up, as it does when it closes, says nothing of the backend.
func reason(ctx context.Context, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return fmt.Errorf("%w: %w", context.Canceled, err)
	}
	return etcderror.Classify(err)
}

// Backend returns a backend whose requests an observer is told of.
func Backend(b writer.Backend, observer registrar.Observer) writer.Backend {
	return backend{b, requests{observer}}
}

type backend struct {
	writer.Backend
	requests
}

// Grant implements writer.Backend.
func (b backend) Grant(ctx context.Context, ttl time.Duration) (id int64, granted time.Duration, err error) {
	start := time.Now()
	id, granted, err = b.Backend.Grant(ctx, ttl)
	b.ended(ctx, registrar.OperationGrant, start, err)
	return id, granted, err
}

// TimeToLive implements writer.Backend.
func (b backend) TimeToLive(ctx context.Context, id int64) (left time.Duration, keys []string, err error) {
	start := time.Now()
	left, keys, err = b.Backend.TimeToLive(ctx, id)
	b.ended(ctx, registrar.OperationAudit, start, err)
	return left, keys, err
}

// Revoke implements writer.Backend.
func (b backend) Revoke(ctx context.Context, id int64) error {
	start := time.Now()
	err := b.Backend.Revoke(ctx, id)
	b.ended(ctx, registrar.OperationRevoke, start, err)
	return err
}

// Txn implements writer.Backend.
func (b backend) Txn(ctx context.Context, r *pb.TxnRequest) (*pb.TxnResponse, error) {
	start := time.Now()
	resp, err := b.Backend.Txn(ctx, r)
	operation := registrar.OperationRead
	if writes(r.Success) {
		operation = registrar.OperationWrite
	}
	b.ended(ctx, operation, start, err)
	return resp, err
}

// writes reports whether operations can change keys.
func writes(ops []*pb.RequestOp) bool {
	for _, op := range ops {
		switch o := op.Request.(type) {
		case *pb.RequestOp_RequestRange:
		case *pb.RequestOp_RequestTxn:
			if writes(o.RequestTxn.Success) || writes(o.RequestTxn.Failure) {
				return true
			}
		default:
			return true
		}
	}
	return false
}

// Source returns a source whose requests an observer is told of.
func Source(s mirror.Source, observer registrar.Observer) mirror.Source {
	return source{s, requests{observer}}
}

type source struct {
	mirror.Source
	requests
}

// List implements mirror.Source.
func (s source) List(ctx context.Context, rng string, at int64, fn func([]*mvccpb.KeyValue) error) (mirror.Head, error) {
	start := time.Now()
	head, err := s.Source.List(ctx, rng, at, fn)
	s.ended(ctx, registrar.OperationRead, start, err)
	return head, err
}

// Probe implements mirror.Source.
func (s source) Probe(ctx context.Context, rng string) (mirror.Head, error) {
	start := time.Now()
	head, err := s.Source.Probe(ctx, rng)
	s.ended(ctx, registrar.OperationRead, start, err)
	return head, err
}

// CountSince implements mirror.Source.
func (s source) CountSince(ctx context.Context, rng string, since int64) (mirror.Count, error) {
	start := time.Now()
	count, err := s.Source.CountSince(ctx, rng, since)
	s.ended(ctx, registrar.OperationRead, start, err)
	return count, err
}
